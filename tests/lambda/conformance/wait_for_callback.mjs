// Cases 7.x: callbacks with a submitter. The input is what they are called.
const submit = async () => {};

export const cases = {
  '7.1': (event, context) => context.waitForCallback(event, submit),

  '7.4': (event, context) => context.waitForCallback(event, submit),

  '7.7': (event, context) =>
    context.waitForCallback(event, async () => {
      throw new Error('nobody takes it');
    }, {
      retryStrategy: (error, attempt) => ({
        shouldRetry: attempt < 2,
        delay: { seconds: 1 },
      }),
    }),

  '7.10': async (event, context) => {
    await context.wait({ seconds: 1 });
    await context.step(async () => ({ fixed: true }));
    return context.waitForCallback(event, submit);
  },

  '7.13': (event, context) =>
    context.waitForCallback(event, submit,
      { heartbeatTimeout: { seconds: 10 } }),
};
