// Cases 4.x: callbacks. The input is what they are called.
const number = { deserialize: async (text) => Number(JSON.parse(text)) };

export const cases = {
  '4.1': async (event, context) => {
    const [result] = await context.createCallback(event);
    return result;
  },

  '4.4': async (event, context) => {
    const [result] = await context.createCallback(event,
      { heartbeatTimeout: { seconds: 5 } });
    return result;
  },

  '4.7': async (event, context) => {
    const [result] = await context.createCallback(event);
    await context.step('between', async () => 'done');
    return result;
  },

  '4.10': async (event, context) => {
    const [result] = await context.createCallback(event);
    await context.wait('pause', { seconds: 5 });
    return result;
  },

  '4.13': async (event, context) => {
    const [result] = await context.createCallback(event);
    let message = 'nothing went wrong';
    try {
      await result;
    } catch (error) {
      message = error.message;
    }
    await context.wait('pause', { seconds: 2 });
    return message;
  },

  '4.16': async (event, context) => {
    const [result] = await context.createCallback(event, { serdes: number });
    const count = await result;
    return { count, doubled: 2 * count };
  },

  '4.19': async (event, context) => {
    const [first] = await context.createCallback(event[0]);
    const [second] = await context.createCallback(event[1]);
    const b = await second;
    const a = await first;
    return [a, b];
  },
};
