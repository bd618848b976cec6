// Cases 1.x: steps.
import { retryPresets } from '@aws/durable-execution-sdk-js';

const once = { retryStrategy: retryPresets.noRetry };

class TransientError extends Error {
  constructor(message) {
    super(message);
    this.name = 'TransientError';
  }
}

const fails = async () => {
  throw new Error('nothing can be done');
};

export const cases = {
  '1.1': (event, context) =>
    context.step('greet', async () => `Hello, ${event}!`),

  '1.4': (event, context) =>
    context.step('describe', async () => ({
      user: { name: event.name, tags: event.tags },
      count: event.tags.length,
    })),

  '1.7': (event, context) =>
    context.step('greet', async (step) => {
      const greeting = `Hello, ${event}!`;
      step.logger.info(`Greeting step started for: ${event}`);
      step.logger.info(`Greeting step completed with: ${greeting}`);
      return greeting;
    }),

  '1.10': async (event, context) => {
    let caught = 'nothing';
    try {
      await context.step('fails', async () => {
        console.log('step executed');
        return fails();
      }, once);
    } catch (error) {
      caught = error.message;
    }
    await context.wait('pause', { seconds: 1 });
    return caught;
  },

  '1.13': (event, context) =>
    context.step('unreliable', async (step) => {
      if (step.attempt < 3) throw new Error(`attempt ${step.attempt} failed`);
      return 'at last';
    }),

  '1.16': (event, context) =>
    context.step('transient', async () => {
      throw new TransientError('not now');
    }, {
      retryStrategy: (error, attempt) => ({
        shouldRetry: !(error instanceof TransientError) && attempt < 3,
        delay: { seconds: 1 },
      }),
    }),

  '1.19': (event, context) => context.step('fails', fails, once),
};
