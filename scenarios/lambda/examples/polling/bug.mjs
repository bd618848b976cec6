// A report is ordered, looked for every ten minutes, and sent when it is there.
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
  // BUG: when it is tried again, it is a later time, and another key.
  const at = new Date().toISOString();
  await context.step('order', () => effect('order', `order-${at}`));
  const state = await context.waitForCondition('ready',
    async (last) => ({ asked: last.asked + 1 }),
    {
      initialState: { asked: 0 },
      waitStrategy: (last) => last.asked >= 3
        ? { shouldContinue: false }
        : { shouldContinue: true, delay: { minutes: 10 } },
    });
  await context.step('send', () => effect('send', `send-${request.id}`));
  return { id: request.id, polls: state.asked };
});
