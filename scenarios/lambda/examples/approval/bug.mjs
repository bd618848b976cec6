// A purchase waits for the decision of a person, for a week at most.
import { withDurableExecution } from '@aws/durable-execution-sdk-js';

// The services of the shop know a request by its key: what one of them has
// done, it does not do again.
async function post(name, key, body) {
  const reply = await fetch(`https://shop.example/${name}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
  return reply.json();
}

export const handler = withDurableExecution(async (request, context) => {
  const answer = await context.waitForCallback('approve',
    (id) => post('mail', `mail-${id}`, { to: 'ann', id }),
    { timeout: { days: 7 } });
  const decision = JSON.parse(answer);
  if (!decision.approved) return { id: request.id, status: 'rejected' };
  // BUG: outside a step it is done again whenever the handler is.
  await post('buy', crypto.randomUUID(), { amount: request.amount });
  await context.step('book', async () => 'booked');
  return { id: request.id, status: 'bought', by: decision.by };
});
