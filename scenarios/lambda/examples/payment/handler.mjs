// A payment through a bank that knows no keys: it is asked once at most. When
// nobody knows whether it was asked, the payment fails, and a person looks.
import { StepSemantics, withDurableExecution }
  from '@aws/durable-execution-sdk-js';

async function post(url, body, key) {
  const reply = await fetch(url, {
    method: 'POST',
    headers: key ? { 'Idempotency-Key': key } : {},
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error(`${url}: ${reply.status}`);
  return reply.json();
}

// One attempt, and none after it: then the step throws.
const ONCE = {
  semantics: StepSemantics.AtMostOncePerRetry,
  retryStrategy: () => ({ shouldRetry: false }),
};

const pay = ({ amount }) => post('https://bank.example/pay', { amount });

const tell = ({ id }, name) =>
  post(`https://shop.example/${name}`, { id }, `${name}-${id}`);

export const handler = withDurableExecution(async (payment, context) => {
  await context.step('reserve', () => tell(payment, 'reserve'));
  await context.step('pay', () => pay(payment), ONCE);
  await context.wait('booked', { days: 1 });
  await context.step('report', () => tell(payment, 'report'));
  return { id: payment.id, status: 'paid' };
});
