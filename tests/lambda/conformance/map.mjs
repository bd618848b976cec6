// Cases 9.x: the same for each item.
const LARGE = 70 * 1024;

const shape = (batch, names) =>
  Object.fromEntries(names.map((name) => [name, batch[name]]));
const inTurn = { maxConcurrency: 1 };

// The whole result as one string.
const joined = {
  serialize: async (batch) =>
    batch && `OPSERDE:${batch.getResults().join(',')}`,
  deserialize: async (text) => {
    if (text === undefined) return undefined;
    const results = text.slice('OPSERDE:'.length).split(',');
    return { getResults: () => results };
  },
};

export const cases = {
  '9.1': async (event, context) => {
    const batch = await context.map('map', event,
      (item, value) => item.step('greet', async () => `Hello, ${value}!`),
      inTurn);
    return batch.getResults();
  },

  '9.4': async (event, context) => {
    const batch = await context.map('empty', event, async (item, value) =>
      value);
    return batch.getResults();
  },

  '9.7': async (event, context) => shape(
    await context.map('min-successful', [0, 1, 2, 3], async () => 'done',
      { ...inTurn, completionConfig: { minSuccessful: 2 } }),
    ['completionReason', 'successCount', 'totalCount']),

  '9.10': async (event, context) => shape(
    await context.map('tolerated-pct', [0, 1, 2, 3], async (item, value) => {
      if (value < 2) throw new Error(`item ${value} failed`);
      return value;
    }, { ...inTurn, completionConfig: { toleratedFailurePercentage: 25 } }),
    ['completionReason', 'successCount', 'failureCount', 'totalCount']),

  '9.13': async (event, context) => {
    const batch = await context.map('named-items', event,
      async (item, value) => value * 10,
      { ...inTurn, itemNamer: (value) => `item-${value}` });
    return batch.getResults();
  },

  '9.16': async (event, context) => shape(
    await context.map('large', [0, 1, 2, 3],
      async (item, value) => String(value).repeat(LARGE), inTurn),
    ['successCount', 'totalCount']),

  '9.19': async (event, context) => {
    const batch = await context.map('op-serde', ['x', 'y'],
      async (item, value) => value.toUpperCase(),
      { ...inTurn, serdes: joined });
    return batch.getResults();
  },
};
