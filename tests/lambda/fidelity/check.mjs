// Runs functions.mjs in `perdure lambda serve` with waits skipped and compares
// each case's history with expected.json; every answer is held against the
// API's model (model.json); the calls go through the public client and the
// SDK's own runner of tests in the cloud. Needs what `ci/npm lambda` installs.
// usage: node check.mjs [--write] PERDURE [CASE..]
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import * as api from '@aws-sdk/client-lambda';
import { CloudDurableTestRunner, WaitingOperationStatus }
  from '@aws/durable-execution-sdk-js-testing';
import { CASES, problemsOf } from './rules.mjs';

const here = new URL('.', import.meta.url).pathname;
const write = process.argv[2] === '--write';
const [perdure, ...only] = process.argv.slice(write ? 3 : 2);
const golden = `${here}expected.json`;
const expected = JSON.parse(readFileSync(golden, 'utf8'));
const problems = [];
let checks = 0;

const expect = (good, ...words) => {
  checks++;
  if (!good) problems.push(words.join(' '));
};
const same = (actual, wanted, what) =>
  expect(JSON.stringify(actual) === JSON.stringify(wanted), what, 'is',
    JSON.stringify(actual), 'not', JSON.stringify(wanted));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The service ----------------------------------------------------------------

const served = spawn(perdure, ['lambda', 'serve', `${here}functions.mjs`,
  '--node', process.execPath, '--time', 'skip', '--port', '0',
  ...['target', 'failing', 'long', 'plain', 'raw'].flatMap((name) =>
    ['--invoke', `${name}=${here}functions.${name}`]),
  '--plain', 'plain'], { stdio: ['ignore', 'ignore', 'pipe'],
  env: { ...process.env, NODE_OPTIONS: '--preserve-symlinks' } });
let printed = '';
served.stderr.on('data', (bytes) => (printed += bytes));
process.on('exit', () => served.kill());
served.on('exit', (code) => {
  console.error(`perdure lambda serve ended with ${code}:\n${printed}`);
  process.exit(1);
});

async function line(pattern) {
  for (let i = 0; i < 500; i++, await sleep(20)) {
    const found = pattern.exec(printed);
    if (found) return found[1];
  }
  throw new Error(`nothing like ${pattern} was printed:\n${printed}`);
}

const endpoint = await line(/(http:\/\/127\.0\.0\.1:\d+)/);
const client = new api.LambdaClient({ endpoint, region: 'us-east-1',
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
const send = (name, input) => client.send(new api[`${name}Command`](input));

// Answers as they are on the wire, held against the model.
async function look(operation, path) {
  const response = await fetch(`${endpoint}/2025-12-01/${path}`);
  const body = await response.json();
  for (const problem of problemsOf(operation, body))
    expect(false, `${operation}:`, problem);
  checks++;
  return body;
}

// Histories ------------------------------------------------------------------

// Times and ids become those that stay the same; long texts their length.
function steady(events, arn) {
  const ids = new Map();
  const name = (id) => {
    if (!ids.has(id)) ids.set(id, `#${ids.size}`);
    return ids.get(id);
  };
  const walk = (key, value) => {
    if (Array.isArray(value))
      return key === 'StackTrace' ? `${value.length > 0}` : value.map(
        (one) => walk('', one));
    if (value && typeof value === 'object')
      return Object.fromEntries(Object.entries(value).sort()
        .map(([k, v]) => [k, walk(k, v)]));
    if (key === 'Id' || key === 'ParentId') return name(value);
    if (key.endsWith('Timestamp')) return 'time';
    if (/^(RequestId|CallbackId)$/.test(key)) return 'id';
    if (key === 'Name' && value === arn.split('/').at(-2)) return 'execution';
    if (key === 'DurableExecutionArn')
      return value.replace(/durable-execution.*/, '..');
    if (typeof value === 'string' && value.length > 1000)
      return `${value.length} characters`;
    return value;
  };
  return events.map((event) => {
    const { EventId, EventType, ...rest } = walk('', event);
    expect(event.EventId > 0 && EventId, `${EventType} has no EventId`);
    return { EventType, ...rest };
  });
}

const escape = encodeURIComponent;

async function finish(arn) {
  for (let i = 0; i < 500; i++, await sleep(10)) {
    const got = await look('GetDurableExecution',
      `durable-executions/${escape(arn)}`);
    if (got.Status !== 'RUNNING') return got;
  }
  throw new Error(`${arn} does not end:\n${printed.slice(-2000)}`);
}

async function historyOf(arn) {
  const { Events } = await look('GetDurableExecutionHistory',
    `durable-executions/${escape(arn)}/history?IncludeExecutionData=true` +
    '&MaxItems=1000');
  Events.forEach((event, at) =>
    same(event.EventId, at + 1, `${arn}: an EventId`));
  return Events;
}

async function check(name, act) {
  const { DurableExecutionArn: arn } = await send('Invoke', {
    FunctionName: 'functions', InvocationType: 'Event',
    Payload: JSON.stringify({ case: name }) });
  if (act) await act(arn);
  const got = await finish(arn);
  const events = await historyOf(arn);
  const outcome = { status: got.Status, result: got.Result, error: got.Error,
    history: steady(events, arn) };
  if (outcome.error?.StackTrace) delete outcome.error.StackTrace;
  const wanted = expected[name];
  if (write) expected[name] = outcome;
  else
    same(JSON.parse(JSON.stringify(outcome)), wanted, `case ${name}:`);
}

// The callback of an execution that waits for it.
async function callbackOf(arn) {
  for (let i = 0; i < 500; i++, await sleep(10)) {
    const events = await historyOf(arn);
    const made = events.find((one) => one.EventType === 'CallbackStarted');
    if (made && events.at(-1).EventType === 'InvocationCompleted')
      return made.CallbackStartedDetails.CallbackId;
  }
  throw new Error(`${arn} makes no callback`);
}

const answers = {
  callback: async (arn) => {
    const CallbackId = await callbackOf(arn);
    await send('SendDurableExecutionCallbackHeartbeat', { CallbackId });
    await send('SendDurableExecutionCallbackSuccess',
      { CallbackId, Result: Buffer.from('"good"') });
  },
  submits: async (arn) => {
    await send('SendDurableExecutionCallbackFailure', {
      CallbackId: await callbackOf(arn),
      Error: { ErrorType: 'Refused', ErrorMessage: 'not now',
        ErrorData: 'more', StackTrace: ['a', 'b'] } });
  },
};

for (const name of only.length ? only : CASES)
  await check(name, answers[name]);

// The client -----------------------------------------------------------------

async function refused(name, input, exception, status) {
  try {
    await send(name, input);
    expect(false, `${name} is not refused: ${JSON.stringify(input)}`);
  } catch (error) {
    same([error.name, error.$metadata?.httpStatusCode],
      [exception, status], `${name} of ${JSON.stringify(input)}`);
    expect(error instanceof (api[exception] ?? Error), exception,
      'is no class of the client');
  }
}

async function checkClient() {
  const input = { FunctionName: 'functions',
    Payload: JSON.stringify({ case: 'named' }) };
  const done = await send('Invoke', { ...input,
    DurableExecutionName: 'x'.repeat(64) });
  const arn = done.DurableExecutionArn;
  same([done.StatusCode, done.ExecutedVersion, done.FunctionError,
    Buffer.from(done.Payload).toString()], [200, '$LATEST', undefined,
    '"hello"'], 'Invoke');
  const again = await send('Invoke', { ...input, InvocationType: 'Event',
    DurableExecutionName: 'x'.repeat(64) });
  same([again.StatusCode, again.DurableExecutionArn], [202, arn],
    'Invoke again');
  await refused('Invoke', { ...input, Payload: '{}',
    DurableExecutionName: 'x'.repeat(64) },
  'DurableExecutionAlreadyStartedException', 409);
  await refused('Invoke', { ...input, FunctionName: 'nobody' },
    'ResourceNotFoundException', 404);
  await refused('GetDurableExecution', { DurableExecutionArn:
    arn.replace(/\w$/, 'z') }, 'ResourceNotFoundException', 404);
  await refused('SendDurableExecutionCallbackSuccess', { CallbackId: 'AAAA' },
    'InvalidParameterValueException', 400);
  same((await send('Invoke', { ...input, InvocationType: 'DryRun' }))
    .StatusCode, 204, 'a dry run');
  const failed = await send('Invoke', { ...input,
    Payload: JSON.stringify({ case: 'throws' }) });
  same([failed.StatusCode, failed.FunctionError,
    JSON.parse(Buffer.from(failed.Payload)).errorType,
    JSON.parse(Buffer.from(failed.Payload)).errorMessage],
  [200, 'Unhandled', 'TypeError', 'of the handler'], 'Invoke of one that fails');
  const plain = await send('Invoke', { FunctionName: 'plain' });
  same([Buffer.from(plain.Payload).toString(), plain.DurableExecutionArn],
    ['{"event":{}}', undefined], 'Invoke of a plain function');
  for (const name of ['functions', 'functions:$LATEST',
    'arn:aws:lambda:us-east-1:123456789012:function:functions',
    'arn:aws:lambda:us-east-1:123456789012:function:functions:$LATEST',
    '123456789012:function:functions'])
    same((await send('Invoke', { ...input, FunctionName: name })).StatusCode,
      200, `Invoke of ${name}`);
  const versioned = await send('Invoke', { ...input, Qualifier: '7' });
  expect(versioned.DurableExecutionArn.includes(':function:functions:7/'),
    'a version is not in', versioned.DurableExecutionArn);
  const got = await send('GetDurableExecution', { DurableExecutionArn: arn });
  expect(got.StartTimestamp instanceof Date && got.EndTimestamp instanceof Date
    && Math.abs(got.StartTimestamp - Date.now()) < 4e11, 'times are no dates:',
  got.StartTimestamp);
  await checkPages(arn);
  await checkStop();
}

async function checkPages(arn) {
  const events = [];
  const list = [];
  for await (const page of api.paginateGetDurableExecutionHistory(
    { client, pageSize: 2 }, { DurableExecutionArn: arn,
      IncludeExecutionData: true })) {
    expect(page.Events.length <= 2, 'a page has', page.Events.length);
    events.push(...page.Events);
  }
  const whole = await send('GetDurableExecutionHistory',
    { DurableExecutionArn: arn, IncludeExecutionData: true });
  same(events, whole.Events, 'a history in pages');
  expect(whole.Events.every((e) => e.EventTimestamp instanceof Date),
    'EventTimestamp is no date');
  const reverse = await send('GetDurableExecutionHistory',
    { DurableExecutionArn: arn, IncludeExecutionData: true,
      ReverseOrder: true });
  same(reverse.Events, whole.Events.toReversed(), 'a history in reverse');
  for await (const page of api.paginateListDurableExecutionsByFunction(
    { client, pageSize: 3 }, { FunctionName: 'functions' }))
    list.push(...page.DurableExecutions);
  const { DurableExecutions } = await look('ListDurableExecutionsByFunction',
    'functions/functions/durable-executions?MaxItems=1000');
  same(list.map((one) => one.DurableExecutionArn),
    DurableExecutions.map((one) => one.DurableExecutionArn), 'a list in pages');
  expect(list.length > 10, 'a list has only', list.length);
}

async function checkStop() {
  const { DurableExecutionArn } = await send('Invoke', {
    FunctionName: 'functions', InvocationType: 'Event',
    Payload: JSON.stringify({ case: 'callback' }) });
  await callbackOf(DurableExecutionArn);
  const { StopTimestamp } = await send('StopDurableExecution',
    { DurableExecutionArn, Error: { ErrorMessage: 'enough',
      ErrorType: 'Mine' } });
  expect(StopTimestamp instanceof Date, 'StopTimestamp is no date');
  const got = await finish(DurableExecutionArn);
  same([got.Status, got.Error?.ErrorMessage, got.Error?.ErrorType],
    ['STOPPED', 'enough', 'Mine'], 'a stopped execution');
  same((await historyOf(DurableExecutionArn)).at(-1).EventType,
    'ExecutionStopped', 'the end of its history');
}

// What a function that speaks the protocol itself is told.
async function checkRaw() {
  const done = await send('Invoke', { FunctionName: 'raw', Payload: '"in"',
    DurableExecutionName: 'raw' });
  const event = JSON.parse(Buffer.from(done.Payload));
  const { made, state } = JSON.parse(await line(/RAW (\{.*\})/));
  for (const problem of [...problemsOf('CheckpointDurableExecution', made),
    ...problemsOf('GetDurableExecutionState', state)])
    expect(false, 'a function is told:', problem);
  const [self, ...rest] = event.InitialExecutionState.Operations;
  same([self.Id, self.Type, self.ExecutionDetails.InputPayload],
    [done.DurableExecutionArn.split('/').at(-1), 'EXECUTION', '"in"'],
    'the execution itself');
  same(rest.map((one) => [one.Id, one.ParentId, one.Type, one.Status]),
    [['c', undefined, 'CONTEXT', 'STARTED'], ['s', 'c', 'STEP', 'READY'],
      ['w', undefined, 'WAIT', 'STARTED']], 'operations of the event');
  expect([self, ...rest].every((one) => Number.isInteger(one.StartTimestamp)
    && one.StartTimestamp > 1e12), 'times of an event are no milliseconds');
  same(event.UpdatedOperationIds, ['s'], 'UpdatedOperationIds');
  same(rest[1].StepDetails, { Attempt: 1, Error: { ErrorMessage: 'm',
    ErrorType: 't', ErrorData: 'd', StackTrace: ['a', 'b'] } },
  'StepDetails');
}

// The runner of tests in the cloud ------------------------------------------

function runnerOf(invocationType) {
  return new CloudDurableTestRunner({ functionName: 'functions', client,
    config: { invocationType, pollInterval: 20 } });
}

async function checkRunner() {
  const one = await runnerOf('RequestResponse').run(
    { payload: { case: 'again' } });
  same([one.getStatus(), one.getResult(), one.getInvocations().length,
    one.getOperations().length], ['SUCCEEDED', 3, 3, 1], 'a run');
  const two = await runnerOf('RequestResponse').run(
    { payload: { case: 'throws' } });
  same([two.getStatus(), two.getError().errorType], ['FAILED', 'TypeError'],
    'a run that fails');
  const runner = runnerOf('Event');
  const submitted = runner.getOperation('submit');
  const running = runner.run({ payload: { case: 'submits' } });
  await submitted.waitForData(WaitingOperationStatus.SUBMITTED);
  await submitted.sendCallbackHeartbeat();
  await submitted.sendCallbackSuccess('"by name"');
  const three = await running;
  same([three.getStatus(), submitted.getCallbackDetails().result,
    submitted.getChildOperations().length], ['SUCCEEDED', 'by name', 2],
  'a run that waits for a callback');
}

if (!only.length) {
  await checkClient();
  await checkRaw();
  await checkRunner();
}
if (write) writeFileSync(golden, `${JSON.stringify(expected, null, 1)}\n`);
for (const problem of problems) console.error(`FAILED: ${problem}`);
console.log(`${checks} checks, ${problems.length} failed`);
process.exit(problems.length ? 1 : 0);
