// Functions whose histories expected.json has, one a case: each thing that the
// SDK can ask of the service, and how it may end. The event says which.
import {
  NestingType, StepSemantics, createRetryStrategy, createWaitStrategy,
  retryPresets, withDurableExecution,
} from '@aws/durable-execution-sdk-js';

const once = { retryStrategy: retryPresets.noRetry };

class Odd extends Error {
  constructor(message) {
    super(message);
    this.name = 'Odd';
  }
}

const fail = (message) => async () => {
  throw new Odd(message);
};

const empty = {
  serialize: async () => '',
  deserialize: async (text) => `<${text}>`,
};

const summary = (batch) => [batch.completionReason, batch.successCount,
  batch.failureCount, batch.totalCount];

const steps = {
  named: (event, context) => context.step('greet', async () => 'hello'),
  anonymous: (event, context) => context.step(async () => 1),
  nothing: async (event, context) => {
    await context.step('none', async () => undefined);
  },
  nulls: (event, context) => context.step('null', async () => null),
  words: (event, context) => context.step('words', async () => '✓ "q" \\ \n'),
  large: (event, context) =>
    context.step('large', async () => 2 ** 53 + 0.5),
  blank: async (event, context) => {
    const result = await context.step('blank', async () => 1,
      { serdes: empty });
    await context.wait({ seconds: 1 });
    return result;
  },
  again: (event, context) =>
    context.step('again', async (step) => {
      if (step.attempt < 3) throw new Odd(`attempt ${step.attempt}`);
      return step.attempt;
    }, {
      retryStrategy: (error, attempt) =>
        ({ shouldRetry: attempt < 5, delay: { minutes: attempt } }),
    }),
  exhausted: (event, context) =>
    context.step('exhausted', fail('never'), {
      retryStrategy: createRetryStrategy({ maxAttempts: 2,
        initialDelay: { seconds: 2 }, jitter: 'NONE' }),
    }),
  cautious: (event, context) =>
    context.step('cautious', async () => 7,
      { semantics: StepSemantics.AtMostOncePerRetry }),
  caught: async (event, context) => {
    try {
      await context.step('caught', fail('broken'), once);
    } catch (error) {
      return `${error.name}: ${error.message}`;
    }
  },
};

const ends = {
  throws: async () => {
    throw new TypeError('of the handler');
  },
  throwsWords: async () => {
    throw 'words';
  },
  returnsNothing: async () => {},
  inChild: (event, context) =>
    context.runInChildContext('outer', async (outer) => {
      await outer.step('first', async () => 1);
      return outer.runInChildContext('inner', async (inner) => {
        await inner.wait('pause', { hours: 1 });
        return 2;
      });
    }),
  childFails: (event, context) =>
    context.runInChildContext('child', fail('of the child')),
  ownSubtype: async (event, context) => {
    const one = await context.runInChildContext('own', async () => 1,
      { subType: 'Mine' });
    await context.wait('pause', { seconds: 1 });
    return one;
  },
  largeChild: async (event, context) => {
    const text = await context.runInChildContext('large', async (child) => {
      const half = await child.step('half', async () => 'x'.repeat(200000));
      return half + half;
    });
    await context.wait('pause', { seconds: 1 });
    return text.length;
  },
};

const waits = {
  wait: async (event, context) => {
    await context.wait('pause', { days: 1, minutes: 1 });
    return 'over';
  },
  polls: (event, context) =>
    context.waitForCondition('poll', async (state) => state + 1, {
      initialState: 0,
      waitStrategy: (state) => state < 3
        ? { shouldContinue: true, delay: { seconds: 30 } }
        : { shouldContinue: false },
    }),
  pollFails: (event, context) =>
    context.waitForCondition('poll', fail('of the check'), {
      initialState: 0, waitStrategy: () => ({ shouldContinue: false }),
    }),
  pollsTooOften: (event, context) =>
    context.waitForCondition('poll', async (state) => state, {
      initialState: 'same',
      waitStrategy: createWaitStrategy({ maxAttempts: 2,
        initialDelay: { seconds: 5 }, jitter: 'NONE',
        shouldContinuePolling: () => true }),
    }),
};

const batches = {
  maps: async (event, context) => {
    const batch = await context.map('map', [1, 2],
      async (item, value, index) => item.step(`at ${index}`,
        async () => 2 * value), { maxConcurrency: 1 });
    return batch.getResults();
  },
  mapFails: async (event, context) => {
    const batch = await context.map('map', [1, 2, 3], async (item, value) => {
      if (value === 2) throw new Odd('two');
      return value;
    }, { maxConcurrency: 1, completionConfig: { toleratedFailureCount: 1 } });
    return summary(batch);
  },
  mapFlat: async (event, context) => {
    const batch = await context.map('map', [1, 2],
      async (item, value) => item.step('flat', async () => value),
      { maxConcurrency: 1, nesting: NestingType.FLAT });
    return batch.getResults();
  },
  mapNothing: async (event, context) =>
    summary(await context.map('map', [], async () => 1)),
  mapLarge: async (event, context) => {
    const batch = await context.map('map', [1, 2, 3], async (item) =>
      item.step('large', async () => 'x'.repeat(100000)),
    { maxConcurrency: 1 });
    await context.wait('pause', { seconds: 1 });
    return batch.getResults().map((text) => text.length);
  },
  parallel: async (event, context) => {
    const batch = await context.parallel('parallel', [
      { name: 'named', func: async (branch) =>
        branch.step('work', async () => 1) },
      async (branch) => {
        await branch.wait('pause', { seconds: 3 });
        return 2;
      },
    ], { maxConcurrency: 1 });
    return batch.getResults();
  },
  enough: async (event, context) => summary(
    await context.parallel('parallel', [
      async () => 1,
      async () => 2,
    ], { maxConcurrency: 1, completionConfig: { minSuccessful: 1 } })),
  tooMany: async (event, context) => summary(
    await context.parallel('parallel', [fail('one'), fail('two'),
      async () => 3], { maxConcurrency: 1,
      completionConfig: { toleratedFailurePercentage: 40 } })),
  combined: async (event, context) => {
    const all = await context.promise.all('all',
      [context.step('a', async () => 1)]);
    const any = await context.promise.any('any',
      [context.step('b', async () => 2)]);
    const settled = await context.promise.allSettled('settled',
      [context.step('c', async () => 3)]);
    const race = await context.promise.race('race',
      [context.step('d', async () => 4)]);
    return [all, any, settled, race];
  },
};

const others = {
  invokes: (event, context) => context.invoke('call', 'target', { x: 1 }),
  invokesNothing: (event, context) => context.invoke('call', 'target'),
  invokesPlain: (event, context) => context.invoke('call', 'plain', [1]),
  invokesPlainNothing: (event, context) => context.invoke('call', 'plain'),
  invokesVersion: (event, context) => context.invoke('call',
    'arn:aws:lambda:us-east-1:123456789012:function:target:3', null,
    { tenantId: 'blue' }),
  invokeFails: (event, context) => context.invoke('call', 'failing', {}),
  invokePlainFails: (event, context) =>
    context.invoke('call', 'plain', 'fail'),
  invokesNobody: (event, context) => context.invoke('call', 'nobody', {}),
  invokesLong: (event, context) => context.invoke('call', 'long', {}),
};

const callbacks = {
  callback: async (event, context) => {
    const [result] = await context.createCallback('callback',
      { timeout: { hours: 1 }, heartbeatTimeout: { minutes: 1 } });
    return result;
  },
  callbackLate: async (event, context) => {
    const [result] = await context.createCallback({ timeout: { seconds: 1 } });
    return result;
  },
  submits: (event, context) =>
    context.waitForCallback('submit', async () => {},
      { timeout: { hours: 1 } }),
  submitFails: (event, context) =>
    context.waitForCallback('submit', fail('of the submitter'), once),
};

const cases = { ...steps, ...ends, ...waits, ...batches, ...others,
  ...callbacks };

export const handler = withDurableExecution((event, context) =>
  cases[event.case ?? event](event, context));

export const target = withDurableExecution(async (event, context) => {
  const step = await context.step('inside', async () => 'done');
  return { event, step, tenant: context.lambdaContext.tenantId };
});
export const failing = withDurableExecution(async () => {
  throw new RangeError('of the target');
});
export const long = withDurableExecution(async (event, context) => {
  await context.wait('long', { days: 2 });
  return 'at last';
});
export const plain = async (event) => {
  if (event === 'fail') throw new RangeError('of the plain one');
  return { event };
};

// Without an SDK: what the service says is told as it is.
const call = async (path, body) => {
  const response = await fetch(`${process.env.AWS_ENDPOINT_URL_LAMBDA}${path}`,
    body ? { method: 'POST', body: JSON.stringify(body) } : {});
  return response.json();
};

export const raw = async (event) => {
  const path = `/2025-12-01/durable-executions/${
    encodeURIComponent(event.DurableExecutionArn)}`;
  if (event.InitialExecutionState.Operations.length > 1)
    return { Status: 'SUCCEEDED', Result: JSON.stringify(event) };
  const made = await call(`${path}/checkpoint`, {
    CheckpointToken: event.CheckpointToken,
    Updates: [
      { Id: 'c', Type: 'CONTEXT', Action: 'START', Name: 'context' },
      { Id: 's', ParentId: 'c', Type: 'STEP', Action: 'START' },
      { Id: 's', ParentId: 'c', Type: 'STEP', Action: 'RETRY',
        Error: { ErrorMessage: 'm', ErrorType: 't', ErrorData: 'd',
          StackTrace: ['a', 'b'] },
        StepOptions: { NextAttemptDelaySeconds: 3 } },
      { Id: 'w', Type: 'WAIT', SubType: 'Wait', Action: 'START',
        WaitOptions: { WaitSeconds: 9 } },
    ],
  });
  const state = await call(`${path}/state?CheckpointToken=${
    encodeURIComponent(made.CheckpointToken)}`);
  console.log(`RAW ${JSON.stringify({ made, state })}`);
  return { Status: 'PENDING' };
};
