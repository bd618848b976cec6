// A purchase waits for the decision of a person, for a week at most.
import { withDurableExecution } from '@aws/durable-execution-sdk-js';

// Tells an outside system to do something. It knows a request by its key.
async function effect(name, key) {
  const reply = await fetch(`${process.env.PERDURE_EFFECTS}/${name}`, {
    method: 'POST',
    headers: { 'Idempotency-Key': key },
  });
  if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
}

export const handler = withDurableExecution(async (request, context) => {
  const answer = await context.waitForCallback('approve',
    async (id) => effect('mail', `mail-${id}`),
    { timeout: { days: 7 } });
  const decision = JSON.parse(answer);
  if (!decision.approved) return { id: request.id, status: 'rejected' };
  await context.step('buy', () => effect('buy', `buy-${request.id}`));
  return { id: request.id, status: 'bought', by: decision.by };
});
