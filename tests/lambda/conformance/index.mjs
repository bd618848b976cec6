// Handlers of our own for the requirements in tests/run/data/conformance,
// written from their words. One process runs them all: an execution is named
// after its case, 1.13 as case-1-13.
import { withDurableExecution } from '@aws/durable-execution-sdk-js';
import { cases as callback } from './callback.mjs';
import { cases as child } from './child.mjs';
import { cases as invoke, targets } from './invoke.mjs';
import { cases as map } from './map.mjs';
import { cases as parallel } from './parallel.mjs';
import { cases as step } from './step.mjs';
import { cases as wait } from './wait.mjs';
import { cases as waitForCallback } from './wait_for_callback.mjs';
import { cases as waitForCondition } from './wait_for_condition.mjs';

const handlers = new Map();
for (const group of [step, wait, child, callback, invoke, waitForCondition,
  waitForCallback, parallel, map])
  for (const [id, run] of Object.entries(group))
    handlers.set(`case-${id.replace('.', '-')}`, withDurableExecution(run));

const nameOf = (arn) => arn.split('/durable-execution/')[1].split('/')[0];

export const handler = (event, context) => {
  const name = nameOf(event.DurableExecutionArn);
  if (!handlers.has(name)) throw new Error(`there is no ${name}`);
  return handlers.get(name)(event, context);
};

// What they invoke, as durable functions; plain, for a function that is not.
export const echo = withDurableExecution(targets.echo);
export const measure = withDurableExecution(targets.measure);
export const refuse = withDurableExecution(targets.refuse);
export const plain = targets;
