// Everything that is due at a time: waits that end together, a condition that is
// looked at again, and a callback that wants heartbeats.
import { withDurableExecution } from '@aws/durable-execution-sdk-js';

async function effect(name, key) {
  const reply = await fetch(`${process.env.PERDURE_EFFECTS}/${name}`, {
    method: 'POST',
    headers: { 'Idempotency-Key': key },
  });
  if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
}

export const handler = withDurableExecution(async (event, context) => {
  const both = await context.parallel('both', [
    async (one) => {
      await one.wait('a', { seconds: 60 });
      await one.step('after-a', () => effect('a', 'a'));
      return 'a';
    },
    async (one) => {
      await one.wait('b', { seconds: 60 });
      await one.step('after-b', () => effect('b', 'b'));
      return 'b';
    },
  ]);
  const late = await context.waitForCallback('ask',
    async (id) => effect('mail', id),
    { timeout: { hours: 1 }, heartbeatTimeout: { minutes: 5 } });
  await context.waitForCondition('ready',
    async (asked) => asked + 1,
    {
      initialState: 0,
      waitStrategy: (asked) => asked >= 3
        ? { shouldContinue: false }
        : { shouldContinue: true, delay: { seconds: 10 } },
    });
  return { both: both.getResults(), late };
});
