// Cases 6.x: conditions that are polled.
const until = (enough) => (state) =>
  state < enough ? { shouldContinue: true, delay: { seconds: 1 } }
    : { shouldContinue: false };
const increment = async (state) => state + 1;

const count = (context, name, initialState, enough) =>
  context.waitForCondition(name, increment,
    { initialState, waitStrategy: until(enough) });

export const cases = {
  '6.1': (event, context) => count(context, 'counter', 0, event),

  '6.4': (event, context) => count(context, 'counter', 5, event),

  '6.7': (event, context) =>
    context.waitForCondition('broken', async () => {
      throw new Error('the check failed');
    }, { initialState: 0, waitStrategy: until(1) }),

  '6.10': (event, context) =>
    context.waitForCondition('nothing', async () => null, {
      initialState: null,
      waitStrategy: () => ({ shouldContinue: false }),
    }),

  '6.13': async (event, context) => {
    const first = await count(context, 'first', 0, 2);
    return count(context, 'second', first, 4);
  },
};
