// Runs one Lambda function against perdure's local Runtime API. The function
// is not changed; what it gets from here is a clock: Date and timers are
// virtual when PERDURE_NOW_MS is set, and time moves when nothing is under way.
'use strict';

const http = require('node:http');
const https = require('node:https');
const { syncBuiltinESMExports, flushCompileCache, createRequire } =
  require('node:module');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const crypto = require('node:crypto');
const { promisify } = require('node:util');
const diagnostics = require('node:diagnostics_channel');
const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks');
const outgoing = require('./outgoing.cjs');

const real = {
  Date,
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  request: http.request,
  createHash: crypto.createHash,
};
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const virtual = process.env.PERDURE_NOW_MS !== undefined;
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

// Which invocation something belongs to: of one that was abandoned, or of a
// world that is over, nothing counts any more. What one left behind when it
// returned goes on in the next, as in a process that was frozen.
const own = new AsyncLocalStorage();
let invocation = 0;
let oldest = 0;
const isStale = () => own.getStore() < oldest;

// Requests ------------------------------------------------------------------

// Of those to perdure sent and answered; of others those under way.
const open = { sent: 0, got: 0, elsewhere: 0, number: 0 };
let counting = 0; // moves when those to perdure are counted anew
const responses = new Set(); // those that nobody may ever read

function count(ours) {
  const since = ours ? counting : oldest;
  let over = false;
  if (ours) open.sent++;
  else open.elsewhere++;
  return () => {
    if (over || since !== (ours ? counting : oldest)) return;
    over = true;
    if (ours) open.got++;
    else open.elsewhere--;
    settle();
  };
}

function watch(request, ours) {
  if (isStale()) {
    request.on('error', () => {});
    request.destroy();
    return request;
  }
  const end = count(ours);
  if (ours) request.setHeader('Perdure-Number', String(++open.number));
  // First, while the others that listen once can still be counted.
  request.prependOnceListener('response', (response) => {
    const one = { response, end };
    responses.add(one);
    response.once('close', () => {
      responses.delete(one);
      end();
    });
    if (request.listenerCount('response') === 0) response.resume();
  });
  request.once('error', end);
  request.once('close', end);
  return request;
}

// A response has come when it is whole, or its reader has stopped.
function endUnread() {
  for (const one of responses) {
    const { complete, readableFlowing, readableLength } = one.response;
    if (!complete && (readableFlowing || readableLength === 0)) continue;
    responses.delete(one);
    one.end();
  }
}

function watchFetch() {
  const ends = new WeakMap();
  const end = ({ request }) => ends.get(request)?.();
  diagnostics.subscribe('undici:request:create', ({ request }) => {
    if (isStale()) return;
    const ours = String(request.origin) === `http://${host}:${port}`;
    ends.set(request, count(ours));
    if (ours) request.addHeader('perdure-number', String(++open.number));
  });
  diagnostics.subscribe('undici:request:trailers', end);
  diagnostics.subscribe('undici:request:error', end);
  const fetch = globalThis.fetch;
  globalThis.fetch = function (...given) {
    return isStale() ? new Promise(() => {}) : fetch.apply(this, given);
  };
}

function watchAll() {
  for (const module of [http, https]) {
    const request = module.request;
    module.request = (...given) => {
      const way = outgoing.lead(given, module);
      return watch(way.given ? real.request.apply(http, way.given)
        : request.apply(module, given), way.ours);
    };
    module.get = (...given) => {
      const made = module.request(...given);
      made.end();
      return made;
    };
  }
  outgoing.leadFetch();
  watchFetch();
  syncBuiltinESMExports();
}

function ask(method, where, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = real.request(
      { host, port, method, path: where, agent, headers: { ...headers,
        'content-length': Buffer.byteLength(body ?? '') } },
      (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () => resolve({
          status: response.statusCode,
          headers: response.headers,
          body: Buffer.concat(parts),
        }));
        response.on('error', reject);
      });
    request.on('error', reject);
    request.end(body);
  });
}

// The clock -----------------------------------------------------------------

// Whoever reads the clock until it moves shall see it move.
const READS = 10000;
const clock = { now: Number(process.env.PERDURE_NOW_MS ?? 0), next: 1,
  reads: 0, timers: [] };
const origin = clock.now;

function read() {
  if (++clock.reads === READS) {
    clock.reads = 0;
    clock.now++;
  }
  return clock.now;
}

function VirtualDate(...given) {
  if (!new.target) return new real.Date(read()).toString();
  return Reflect.construct(real.Date, given.length ? given : [read()],
    new.target === VirtualDate ? real.Date : new.target);
}

function makeDate() {
  for (const name of ['UTC', 'parse'])
    Object.defineProperty(VirtualDate, name,
      Object.getOwnPropertyDescriptor(real.Date, name));
  Object.defineProperties(VirtualDate, {
    name: { value: 'Date' },
    length: { value: 7 },
    now: { value: () => read(), writable: true, configurable: true },
    prototype: { value: real.Date.prototype },
  });
  real.Date.prototype.constructor = VirtualDate;
  globalThis.Date = VirtualDate;
  performance.now = () => read() - origin;
  process.uptime = () => (read() - origin) / 1000;
  process.hrtime = (since) => {
    const ms = read() - origin;
    const at = [Math.floor(ms / 1000), (ms % 1000) * 1e6];
    if (!since) return at;
    const [s, ns] = [at[0] - since[0], at[1] - since[1]];
    return ns < 0 ? [s - 1, ns + 1e9] : [s, ns];
  };
  process.hrtime.bigint = () => BigInt(read() - origin) * 1000000n;
}

class Timer {
  constructor(callback, ms, given, every) {
    if (typeof callback !== 'function') {
      const error = new TypeError(
        'The "callback" argument must be of type function.');
      error.code = 'ERR_INVALID_ARG_TYPE';
      throw error;
    }
    this.callback = callback;
    this.given = given;
    this.ms = Number(ms) >= 1 && Number(ms) <= 2147483647
      ? Math.trunc(Number(ms)) : 1;
    this.every = every;
    this.id = clock.next++;
    this.owner = own.getStore();
    this.resource = new AsyncResource('Timeout');
    this.start();
  }
  start() {
    if (this.owner < oldest) return;
    this.due = clock.now + this.ms;
    let at = clock.timers.length;
    while (at > 0 && clock.timers[at - 1].due > this.due) at--;
    clock.timers.splice(at, 0, this);
    settle();
  }
  stop() {
    const at = clock.timers.indexOf(this);
    if (at >= 0) clock.timers.splice(at, 1);
    this.over = true;
  }
  run() {
    this.resource.runInAsyncScope(this.callback, this, ...this.given);
  }
  ref() { this.idle = false; return this; }
  unref() { this.idle = true; return this; }
  hasRef() { return !this.idle; }
  refresh() { this.stop(); this.over = false; this.start(); return this; }
  close() { this.stop(); return this; }
  [Symbol.dispose]() { this.stop(); }
  [Symbol.toPrimitive]() { return this.id; }
}

// The clock may be put back, for another world: what was left of the time of
// a timer is kept.
function moveTo(now) {
  if (now < clock.now)
    for (const timer of clock.timers)
      timer.due -= clock.now - now;
  clock.now = now;
  clock.reads = 0;
}

function clear(timer) {
  if (timer instanceof Timer) timer.stop();
  else if (typeof timer === 'number' || typeof timer === 'string')
    clock.timers.find((one) => one.id === Number(timer))?.stop();
  else if (timer) real.clearTimeout(timer);
}

const after = (callback, ms, ...given) =>
  new Timer(callback, ms, given, false);
const every = (callback, ms, ...given) => new Timer(callback, ms, given, true);

function abortion(signal) {
  const error = new Error('The operation was aborted',
    { cause: signal.reason });
  error.name = 'AbortError';
  error.code = 'ABORT_ERR';
  return error;
}

function sleep(ms, value, { signal } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortion(signal));
      return;
    }
    const stop = () => {
      timer.stop();
      reject(abortion(signal));
    };
    const timer = after(() => {
      signal?.removeEventListener('abort', stop);
      resolve(value);
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

async function* beats(ms, value, { signal } = {}) {
  let beaten = 0;
  let next = () => {};
  const timer = every(() => {
    beaten++;
    next();
  }, ms);
  const stop = () => next();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      if (signal?.aborted) throw abortion(signal);
      if (beaten === 0) await new Promise((resolve) => (next = resolve));
      for (; beaten > 0; beaten--) yield value;
    }
  } finally {
    timer.stop();
    signal?.removeEventListener('abort', stop);
  }
}

function timeLimit(ms) {
  const control = new AbortController();
  after(() => control.abort(new DOMException(
    'The operation was aborted due to timeout', 'TimeoutError')), ms);
  return control.signal;
}

function makeVirtual() {
  after[promisify.custom] = sleep;
  const timers = require('node:timers');
  const promises = require('node:timers/promises');
  for (const target of [globalThis, timers])
    Object.assign(target, { setTimeout: after, setInterval: every,
      clearTimeout: clear, clearInterval: clear });
  promises.setTimeout = sleep;
  promises.setInterval = beats;
  promises.scheduler.wait = (ms, options) => sleep(ms, undefined, options);
  AbortSignal.timeout = timeLimit;
  makeDate();
  if (process.env.PERDURE_SEED !== undefined) makeRandom();
  syncBuiltinESMExports();
}

// Chance --------------------------------------------------------------------

// As many invocations, as many sequences: each follows from the seed and the
// id of the invocation.
const chance = [0, 0, 0, 1];

function seedWith(text) {
  const bytes = real.createHash('sha256')
    .update(`${process.env.PERDURE_SEED} ${text}`).digest();
  for (let i = 0; i < 4; i++) chance[i] = bytes.readUInt32LE(4 * i);
}

function draw() {
  const t = (chance[0] + chance[1] + chance[3]++) >>> 0;
  chance[0] = (chance[1] ^ (chance[1] >>> 9)) >>> 0;
  chance[1] = (chance[2] + (chance[2] << 3)) >>> 0;
  chance[2] = ((((chance[2] << 21) | (chance[2] >>> 11)) >>> 0) + t) >>> 0;
  return t;
}

function fill(bytes) {
  for (let i = 0; i < bytes.length; i++) bytes[i] = draw() & 255;
  return bytes;
}

function drawUuid() {
  const bytes = fill(Buffer.alloc(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  return bytes.toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function makeRandom() {
  const values = (array) => {
    fill(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return array;
  };
  seedWith('');
  Math.random = () =>
    ((draw() >>> 5) * 67108864 + (draw() >>> 6)) / 9007199254740992;
  crypto.randomUUID = drawUuid;
  crypto.randomBytes = (size, back) => {
    const bytes = fill(Buffer.alloc(size));
    if (!back) return bytes;
    process.nextTick(back, null, bytes);
    return undefined;
  };
  for (const [name, value] of [['randomUUID', drawUuid],
    ['getRandomValues', values]])
    Object.defineProperty(globalThis.crypto, name,
      { value, configurable: true, writable: true });
}

function fire() {
  const timer = clock.timers[0];
  if (!timer || timer.due > clock.now) return false;
  clock.timers.shift();
  timer.run();
  if (timer.every && !timer.over) timer.start();
  return true;
}

// Rest ----------------------------------------------------------------------

// What libuv has under way that no virtual timer or request stands for.
const quiet = new Set(['TCPSocketWrap', 'TCPServerWrap', 'TLSWrap',
  'PipeWrap', 'TTYWrap', 'Timeout', 'Immediate', 'SignalWrap', 'MessagePort', 'FSEventWrap',
  'TCPConnectWrap', 'TickObject', 'HTTPINCOMINGMESSAGE', 'HTTPCLIENTREQUEST']);

let working = false; // an invocation is under way
let loading = false; // the function is
let looking = false;
let claimed = false;

function isAtRest() {
  return open.elsewhere <= 0 &&
    process.getActiveResourcesInfo().every((kind) => quiet.has(kind));
}

function settle() {
  calm = 0;
  if (!virtual || !(working || loading) || looking) return;
  looking = true;
  own.exit(() => real.setImmediate(look));
}

// Node numbers everything asynchronous. Turns in which no numbers were given
// but those of this function are turns in which nothing was begun.
const OWN = 2;
const CALM = 4;
let calm = 0;
let mark = 0;

function look() {
  const number = new AsyncResource('perdure').asyncId();
  calm = number - mark > OWN ? 0 : calm + 1;
  mark = number;
  if (!working && !loading) {
    looking = false;
  } else if (calm < CALM) {
    real.setImmediate(look);
  } else if (fire()) {
    calm = 0;
    real.setImmediate(look);
  } else if (!isAtRest()) {
    calm = 0;
    real.setTimeout(look, 1);
  } else if (loading) {
    // Nobody shares its time yet: it goes on by itself.
    looking = false;
    if (clock.timers.length > 0) {
      clock.now = clock.timers[0].due;
      settle();
    }
  } else {
    looking = false;
    claim();
  }
}

async function claim() {
  if (claimed) return;
  claimed = true;
  endUnread();
  const wake = clock.timers[0]?.due ?? 0;
  const state = `${open.sent} ${open.got} ${wake}`;
  const { body } = await ask('POST', '/perdure/idle', state);
  claimed = false;
  if (body.toString() === 'abandon') {
    abandoned();
    return;
  }
  clock.now = Math.max(clock.now, Number(body.toString()));
  settle();
}

// The function --------------------------------------------------------------

// The SDK loads its client in the first invocation; in a process that is
// prepared it is there before.
async function importClient(file) {
  try {
    const sdk = createRequire(file).resolve('@aws/durable-execution-sdk-js');
    const client = createRequire(sdk).resolve('@aws-sdk/client-lambda');
    await import(pathToFileURL(client).href);
  } catch {
    // It does without.
  }
}

// A module that cannot be read does not say where, but a check of it does.
function placesOf(file, error) {
  if (!(error instanceof SyntaxError)) return [];
  const { stderr } = require('node:child_process').spawnSync(
    process.execPath, ['--check', file], { encoding: 'utf8' });
  return (stderr ?? '').split('\n').slice(0, 3).filter((line) => line.trim());
}

async function importFirst(file) {
  for (const ending of ['', '.mjs', '.js', '.cjs', '.mts', '.ts', '.cts']) {
    const whole = file + ending;
    if (!fs.statSync(whole, { throwIfNoEntry: false })?.isFile()) continue;
    const module = await import(pathToFileURL(whole).href)
      .catch((error) => {
        if (error) error.places = placesOf(whole, error);
        throw error;
      });
    if (process.env.PERDURE_DURABLE) await importClient(whole);
    return module;
  }
  throw new Error(`there is no ${file}.mjs, .js or .cjs`);
}

async function load(handler) {
  const root = process.env.LAMBDA_TASK_ROOT ?? process.cwd();
  const whole = path.resolve(root, handler ?? '');
  const dot = path.basename(whole).lastIndexOf('.');
  if (dot < 1)
    throw new Error(`the handler is "${handler}", not FILE.FUNCTION`);
  const file = path.join(path.dirname(whole),
    path.basename(whole).slice(0, dot));
  const name = path.basename(whole).slice(dot + 1);
  const module = await importFirst(file);
  const found = module[name] ?? module.default?.[name];
  if (typeof found !== 'function')
    throw new Error(`${file} exports no function ${name}`);
  return found;
}

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const client = headers['lambda-runtime-client-context'];
  return {
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    callbackWaitsForEmptyEventLoop: true,
    clientContext: client ? JSON.parse(client) : undefined,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

function call(handler, event, context) {
  return new Promise((resolve, reject) => {
    const back = (error, result) => (error ? reject(error) : resolve(result));
    const made = handler(event, context, back);
    if (typeof made?.then === 'function') made.then(resolve, reject);
    else if (handler.length < 3) resolve(made);
  });
}

function wordsOf(error) {
  return JSON.stringify({
    errorType: String(error?.name ?? typeof error),
    errorMessage: String(error?.message ?? error),
    stackTrace: [...(error?.places ?? []),
      ...String(error?.stack ?? '').split('\n')],
  });
}

async function answerOf(handler, headers, body) {
  try {
    const event = body.length ? JSON.parse(body.toString()) : undefined;
    const result = await call(handler, event, contextOf(headers));
    return ['response', JSON.stringify(result) ?? 'null'];
  } catch (error) {
    return ['error', wordsOf(error)];
  }
}

let world;
let id;
let abandoned = () => {};

// Whatever was begun before is over, but for what the module began itself.
function forget() {
  oldest = invocation + 1;
  clock.timers = clock.timers.filter((timer) => timer.owner === undefined);
  responses.clear();
  Object.assign(open, { elsewhere: 0, number: 0 });
}

function begin(headers) {
  id = headers['lambda-runtime-aws-request-id'];
  if (headers['perdure-world'] !== world) forget();
  world = headers['perdure-world'];
  process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'] ?? '';
  if (!virtual) return;
  moveTo(Number(headers['perdure-now-ms']));
  if (process.env.PERDURE_SEED !== undefined)
    seedWith(id + (headers['perdure-echo'] ?? ''));
}

async function tell([what, body]) {
  const { body: reply } = await askRuntime('POST', `invocation/${id}/${what}`,
    body, what === 'error'
      ? { 'Lambda-Runtime-Function-Error-Type': 'Unhandled' } : {});
  return reply.toString() !== 'abandon';
}

async function serve(handler) {
  const { headers, body } = await askRuntime('GET', 'invocation/next',
    undefined, virtual ? { 'Perdure-Bootstrap': '1' } : {});
  begin(headers);
  const left = new Promise((resolve) => (abandoned = resolve));
  working = true;
  settle();
  const answer = await Promise.race([
    own.run(++invocation, () => answerOf(handler, headers, body)), left]);
  working = false;
  if (answer && await tell(answer)) return;
  forget();
  counting++;
  Object.assign(open, { sent: 0, got: 0 });
}

const askRuntime = (method, what, body, headers) =>
  ask(method, `/2018-06-01/runtime/${what}`, body, headers);

// What nobody caught ends the invocation, and the process.
async function fall(error, code) {
  if (isStale()) return;
  console.error(error?.stack ?? error);
  if (working) {
    working = false;
    await tell(['error', wordsOf(error)]);
  }
  process.exit(code);
}

function catchAll() {
  process.on('uncaughtException', (error) => fall(error, 129));
  process.on('unhandledRejection', (error) => fall(error, 128));
}

async function main() {
  watchAll();
  if (virtual) makeVirtual();
  globalThis.awslambda = { streamifyResponse() {
    throw new Error('perdure does not stream responses');
  } };
  let handler;
  try {
    loading = true;
    handler = await load(process.env._HANDLER);
    loading = false;
  } catch (error) {
    console.error([...(error?.places ?? []), error?.stack ?? error].join('\n'));
    await askRuntime('POST', 'init/error', wordsOf(error));
    process.exit(1);
  }
  catchAll();
  flushCompileCache?.();
  for (;;) await serve(handler);
}

main().catch((error) => {
  console.error(error?.stack ?? error);
  process.exit(1);
});
