// Cases 3.x: child contexts.
import { retryPresets } from '@aws/durable-execution-sdk-js';

export const cases = {
  '3.1': (event, context) =>
    context.runInChildContext('child', (child) =>
      child.step('echo', async () => event)),

  '3.4': (event, context) =>
    context.runInChildContext('child', (child) =>
      child.step('fails', async () => {
        throw new Error('nothing can be done');
      }, { retryStrategy: retryPresets.noRetry })),

  '3.7': (event, context) =>
    context.runInChildContext('child', (child) =>
      child.step('unreliable', async (step) => {
        if (step.attempt < 2) throw new Error('not yet');
        return event;
      }, {
        retryStrategy: (error, attempt) => ({
          shouldRetry: attempt < 3,
          delay: { seconds: 1 },
        }),
      })),

  '3.10': (event, context) =>
    context.runInChildContext('child', async (child) => {
      const echo = await child.step('echo', async () => event);
      await child.wait('pause', { seconds: 2 });
      return echo;
    }),

  '3.13': async (event, context) => {
    const echo = await context.runInChildContext('child', async (child) => {
      await child.wait('pause', { seconds: 2 });
      return event;
    });
    return context.step('after', async () => echo);
  },

  '3.16': (event, context) =>
    context.runInChildContext('child', async () => null),
};
