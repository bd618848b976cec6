// Cases 2.x: waits.
export const cases = {
  '2.1': (event, context) => context.wait('pause', { seconds: 2 }),
  '2.4': (event, context) => context.wait('pause', { minutes: 1 }),
};
