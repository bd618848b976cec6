// Five invocations, with more than 64 boundaries that a crash can strike: a wait, a step
// that is tried three times, a callback, and a map.
import { withDurableExecution } from '@aws/durable-execution-sdk-js';

// Nothing is shipped, whenever it is asked for.
async function effect(name) {
  const reply = await fetch(`${process.env.PERDURE_EFFECTS}/${name}`, { method: 'POST' });
  if (!reply.ok || name === 'ship') throw new Error(`${name}: ${reply.status}`);
}

const THRICE = {
  retryStrategy: (error, attempt) => ({
    shouldRetry: attempt < 3,
    delay: { seconds: 10 * attempt },
  }),
};

export const handler = withDurableExecution(async (order, context) => {
  await context.step('reserve', () => effect('reserve'));
  await context.wait('a day', { days: 1 });
  await context.step('charge', () => effect('charge'));
  const shipped = await context.step('ship', () => effect('ship'), THRICE)
    .catch(() => false);
  const answer = await context.waitForCallback('approve', () => effect('ask'), {
    timeout: { days: 7 },
  });
  await context.step('tell', async () => order.id);
  await context.step('thank', async () => order.id);
  return { id: order.id, shipped, answer };
});
