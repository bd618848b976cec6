// A payment through a bank that knows no keys: it is asked once at most. When
// nobody knows whether it was asked, the payment fails, and a person looks.
import { StepSemantics, withDurableExecution }
  from '@aws/durable-execution-sdk-js';

// Tells an outside system to do something. It knows a request by its key, if
// it is given one.
async function effect(name, key) {
  const reply = await fetch(`${process.env.PERDURE_EFFECTS}/${name}`, {
    method: 'POST',
    headers: key ? { 'Idempotency-Key': key } : {},
  });
  if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
}

// One attempt, and none after it: then the payment ends FAILED.
const ONCE = {
  semantics: StepSemantics.AtMostOncePerRetry,
  retryStrategy: () => ({ shouldRetry: false }),
};

export const handler = withDurableExecution(async (payment, context) => {
  await context.step('reserve', () => effect('reserve', payment.id));
  await context.step('pay', () => effect('pay'), ONCE);
  await context.wait('booked', { days: 1 });
  await context.step('report', () => effect('report', payment.id));
  return { id: payment.id };
});
