// Cases 8.x: branches.
const fails = async () => {
  throw new Error('the branch failed');
};
const gives = (value) => async () => value;

const shape = (batch, names) =>
  Object.fromEntries(names.map((name) => [name, batch[name]]));
const COUNTS = ['completionReason', 'successCount', 'failureCount',
  'totalCount'];

const inTurn = (completionConfig) => ({
  maxConcurrency: 1,
  ...(completionConfig && { completionConfig }),
});

export const cases = {
  '8.1': async (event, context) => {
    const runs = (value) => (branch) => branch.step('task', async () => value);
    const batch = await context.parallel('parallel',
      [runs('task-1'), runs('task-2')], inTurn());
    return batch.getResults();
  },

  '8.4': async (event, context) => {
    const batch = await context.parallel('hetero',
      [gives('hello'), gives(42), gives({ k: 'v' })], inTurn());
    return batch.getResults();
  },

  '8.7': async (event, context) => {
    const batch = await context.parallel('throwing', [fails, gives(1)],
      inTurn({ toleratedFailureCount: 0 }));
    batch.throwIfError();
    return batch.getResults();
  },

  '8.10': async (event, context) => shape(
    await context.parallel('tolerated-exceeded', [fails, fails, gives(1)],
      inTurn({ toleratedFailureCount: 1 })), COUNTS),

  '8.13': async (event, context) => shape(
    await context.parallel('tolerated-pct', [fails, fails, gives(1), gives(1)],
      inTurn({ toleratedFailurePercentage: 25 })), COUNTS),

  '8.16': async (event, context) => shape(
    await context.parallel('all-fail', [fails, fails, fails],
      inTurn({ toleratedFailureCount: 3 })), ['status', ...COUNTS]),

  '8.19': async (event, context) => {
    const batch = await context.parallel('bad-concurrency',
      [gives(1), gives(2)], { maxConcurrency: 0 });
    return batch.getResults();
  },

  '8.22': async (event, context) => shape(
    await context.parallel('pct-boundary',
      [fails, gives(1), gives(1), gives(1)],
      inTurn({ toleratedFailurePercentage: 25 })), ['status', ...COUNTS]),
};
