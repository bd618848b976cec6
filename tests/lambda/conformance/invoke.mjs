// Cases 5.x: other functions. Beside them what they invoke.
const LARGE = 900 * 1024; // an asynchronous invocation takes 1 MiB

const shout = {
  serialize: async (value) => JSON.stringify(value),
  deserialize: async (text) => JSON.parse(text).toUpperCase(),
};

export const cases = {
  '5.1': (event, context) => context.invoke('target', 'echo', event),

  '5.4': (event, context) => context.invoke('target', 'echo', null),

  '5.7': (event, context) =>
    context.invoke('target', 'measure', { text: 'x'.repeat(LARGE) }),

  '5.10': async (event, context) => {
    let caught = 'nothing';
    try {
      await context.invoke('target', 'refuse', {});
    } catch (error) {
      caught = error.message;
    }
    await context.wait('pause', { seconds: 1 });
    return caught;
  },

  '5.13': (event, context) =>
    context.runInChildContext('child', (child) =>
      child.invoke('target', 'echo', 'from the child')),

  '5.16': (event, context) =>
    context.invoke('target', 'echo', event, { resultSerdes: shout }),
};

export const targets = {
  echo: async (event) => event,
  measure: async (event) => ({ length: event.text.length }),
  refuse: async () => {
    throw new TypeError('refused');
  },
};
