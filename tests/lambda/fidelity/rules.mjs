// An answer held against the API's model (model.json: the shapes of the
// durable calls): members that are required, known, and of their type.
import { readFileSync } from 'node:fs';

const { operations, shapes } = JSON.parse(
  readFileSync(new URL('model.json', import.meta.url), 'utf8'));

const readers = {
  string: (value, shape) => typeof value === 'string' &&
    value.length >= (shape.min ?? 0) &&
    value.length <= (shape.max ?? Infinity) &&
    (!shape.enum || shape.enum.includes(value)) &&
    (!shape.pattern || new RegExp(`^(${shape.pattern})$`, 'u').test(value)),
  integer: (value, shape) => Number.isInteger(value) &&
    value >= (shape.min ?? -Infinity) && value <= (shape.max ?? Infinity),
  boolean: (value) => typeof value === 'boolean',
  timestamp: (value) => typeof value === 'number' && value > 1e9 &&
    value < 1e11,
};

function* walk(name, value, path) {
  const shape = shapes[name];
  if (shape.type === 'structure') {
    for (const key of shape.required ?? [])
      if (value[key] === undefined) yield `${path}.${key} is missing`;
    for (const [key, inner] of Object.entries(value))
      if (!shape.members[key]) yield `${path}.${key} is not in the model`;
      else yield* walk(shape.members[key].shape, inner, `${path}.${key}`);
  } else if (shape.type === 'list') {
    for (const [at, inner] of value.entries())
      yield* walk(shape.member.shape, inner, `${path}[${at}]`);
  } else if (!readers[shape.type](value, shape)) {
    yield `${path} is no ${name}: ${JSON.stringify(value)}`;
  }
}

export const problemsOf = (operation, answer) =>
  [...walk(operations[operation].output, answer, '')];

// The cases of functions.mjs, in the order in which they are run.
export const CASES = ['named', 'anonymous', 'nothing', 'nulls', 'words',
  'large', 'blank', 'again', 'exhausted', 'cautious', 'caught', 'throws',
  'throwsWords', 'returnsNothing', 'inChild', 'childFails', 'ownSubtype',
  'largeChild', 'wait', 'polls', 'pollFails', 'pollsTooOften', 'maps',
  'mapFails', 'mapFlat', 'mapNothing', 'mapLarge', 'parallel', 'enough',
  'tooMany', 'combined', 'invokes', 'invokesNothing', 'invokesPlain',
  'invokesPlainNothing', 'invokesVersion', 'invokeFails', 'invokePlainFails',
  'invokesNobody', 'invokesLong', 'callback', 'callbackLate', 'submits',
  'submitFails'];
