// Runs one Lambda function against perdure's local Runtime API. The function
// is not changed; what it gets from here is a clock: Date and timers are
// virtual when PERDURE_NOW_MS is set, and time moves when nothing is under way.
'use strict';

const http = require('node:http');
const https = require('node:https');
const { syncBuiltinESMExports } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const diagnostics = require('node:diagnostics_channel');
const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks');

const real = {
  Date,
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  request: http.request,
};
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const virtual = process.env.PERDURE_NOW_MS !== undefined;
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

// Requests ------------------------------------------------------------------

const open = { sent: 0, got: 0, elsewhere: 0, number: 0 };

// Which invocation something belongs to: of one that was abandoned nothing
// counts any more.
const own = new AsyncLocalStorage();
let invocation = 0;
const isStale = () => own.getStore() !== undefined &&
  own.getStore() !== invocation;

function isOurs(request) {
  return request.getHeader('host') === `${host}:${port}`;
}

function watch(request) {
  const ours = isOurs(request);
  const mine = invocation;
  let over = false;
  const end = () => {
    if (over || mine !== invocation) return;
    over = true;
    if (ours) open.got++;
    else open.elsewhere--;
    settle();
  };
  if (isStale()) {
    request.on('error', () => {});
    request.destroy();
    return request;
  }
  if (ours) open.sent++;
  else open.elsewhere++;
  if (ours) request.setHeader('Perdure-Number', String(++open.number));
  request.once('response', (response) => response.once('close', end));
  request.once('error', end);
  request.once('close', end);
  return request;
}

function watchAll() {
  for (const module of [http, https]) {
    const request = module.request;
    module.request = (...given) => watch(request.apply(module, given));
    module.get = (...given) => {
      const made = module.request(...given);
      made.end();
      return made;
    };
  }
  const count = (name, by) =>
    diagnostics.subscribe(name, () => {
      open.elsewhere += by;
      settle();
    });
  count('undici:request:create', 1);
  count('undici:request:trailers', -1);
  count('undici:request:error', -1);
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

const clock = { now: Number(process.env.PERDURE_NOW_MS ?? 0), next: 1,
  timers: [] };

class VirtualDate extends real.Date {
  constructor(...given) {
    if (given.length === 0) super(clock.now);
    else super(...given);
  }
  static now() {
    return clock.now;
  }
}

class Timer {
  constructor(callback, ms, given, every) {
    this.callback = callback;
    this.given = given;
    this.ms = Math.max(1, Math.min(Number(ms) || 1, 2147483647));
    this.every = every;
    this.id = clock.next++;
    this.start();
  }
  start() {
    if (isStale()) return;
    this.due = clock.now + this.ms;
    let at = clock.timers.length;
    while (at > 0 && clock.timers[at - 1].due > this.due) at--;
    clock.timers.splice(at, 0, this);
    settle();
  }
  stop() {
    const at = clock.timers.indexOf(this);
    if (at >= 0) clock.timers.splice(at, 1);
  }
  ref() { this.idle = false; return this; }
  unref() { this.idle = true; return this; }
  hasRef() { return !this.idle; }
  refresh() { this.stop(); this.start(); return this; }
  close() { this.stop(); return this; }
  [Symbol.toPrimitive]() { return this.id; }
}

function clear(timer) {
  if (timer instanceof Timer) timer.stop();
  else if (typeof timer === 'number' || typeof timer === 'string')
    clock.timers.find((one) => one.id === Number(timer))?.stop();
  else if (timer) real.clearTimeout(timer);
}

function makeVirtual() {
  const after = (callback, ms, ...given) =>
    new Timer(callback, ms, given, false);
  const every = (callback, ms, ...given) =>
    new Timer(callback, ms, given, true);
  const { promisify } = require('node:util');
  after[promisify.custom] = (ms, value) =>
    new Promise((resolve) => after(resolve, ms, value));
  const timers = require('node:timers');
  const promises = require('node:timers/promises');
  for (const target of [globalThis, timers])
    Object.assign(target, { setTimeout: after, setInterval: every,
      clearTimeout: clear, clearInterval: clear });
  promises.setTimeout = (ms, value, options) =>
    new Promise((resolve, reject) => {
      const timer = after(resolve, ms, value);
      options?.signal?.addEventListener('abort', () => {
        timer.stop();
        reject(options.signal.reason);
      });
    });
  promises.scheduler.wait = (ms, options) =>
    promises.setTimeout(ms, undefined, options);
  globalThis.Date = VirtualDate;
  syncBuiltinESMExports();
}

function fire() {
  const timer = clock.timers[0];
  if (!timer || timer.due > clock.now) return false;
  clock.timers.shift();
  if (timer.every) timer.start();
  timer.callback(...timer.given);
  return true;
}

// Rest ----------------------------------------------------------------------

// What libuv has under way that no virtual timer or request stands for.
const quiet = new Set(['TCPSocketWrap', 'TCPServerWrap', 'PipeWrap', 'TTYWrap',
  'Timeout', 'Immediate', 'SignalWrap', 'MessagePort', 'FSEventWrap',
  'TCPConnectWrap', 'TickObject', 'HTTPINCOMINGMESSAGE', 'HTTPCLIENTREQUEST']);

let working = false; // an invocation is under way
let looking = false;
let claimed = false;

function isAtRest() {
  return open.elsewhere <= 0 &&
    process.getActiveResourcesInfo().every((kind) => quiet.has(kind));
}

function settle() {
  calm = 0;
  if (!virtual || !working || looking) return;
  looking = true;
  real.setImmediate(look);
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
  if (!working) {
    looking = false;
  } else if (calm < CALM) {
    real.setImmediate(look);
  } else if (fire()) {
    calm = 0;
    real.setImmediate(look);
  } else if (!isAtRest()) {
    calm = 0;
    real.setTimeout(look, 1);
  } else {
    looking = false;
    claim();
  }
}

async function claim() {
  if (claimed) return;
  claimed = true;
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

async function load(handler) {
  const root = process.env.LAMBDA_TASK_ROOT ?? process.cwd();
  const whole = path.resolve(root, handler);
  const dot = path.basename(whole).lastIndexOf('.');
  const file = path.join(path.dirname(whole),
    path.basename(whole).slice(0, dot));
  const name = path.basename(whole).slice(dot + 1);
  let module;
  for (const ending of ['.mjs', '.js', '.cjs']) {
    if (!require('node:fs').existsSync(file + ending)) continue;
    module = await import(pathToFileURL(file + ending).href);
    break;
  }
  if (!module) throw new Error(`there is no ${file}.mjs, .js or .cjs`);
  const found = module[name] ?? module.default?.[name];
  if (typeof found !== 'function')
    throw new Error(`${file} exports no function ${name}`);
  return found;
}

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => deadline - Date.now(),
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
    errorType: error?.name ?? typeof error,
    errorMessage: error?.message ?? String(error),
    stackTrace: String(error?.stack ?? '').split('\n'),
  });
}

let abandoned = () => {};

async function answerOf(handler, headers, body) {
  try {
    const event = body.length ? JSON.parse(body.toString()) : undefined;
    const result = await call(handler, event, contextOf(headers));
    return ['response', JSON.stringify(result === undefined ? null : result)];
  } catch (error) {
    return ['error', wordsOf(error)];
  }
}

async function serve(handler) {
  const { headers, body } = await counted('GET', 'invocation/next',
    undefined, { 'Perdure-Bootstrap': '1' });
  if (virtual) clock.now = Number(headers['perdure-now-ms']);
  const id = headers['lambda-runtime-aws-request-id'];
  const left = new Promise((resolve) => (abandoned = resolve));
  working = true;
  settle();
  const answer = await Promise.race([
    own.run(++invocation, () => answerOf(handler, headers, body)), left]);
  working = false;
  if (answer) {
    await counted('POST', `invocation/${id}/${answer[0]}`, answer[1]);
  } else {
    invocation++;
    clock.timers.length = 0;
    Object.assign(open, { sent: 0, got: 0, elsewhere: 0, number: 0 });
  }
}

async function counted(method, what, body, headers) {
  open.sent++;
  const answer = await ask(method, `/2018-06-01/runtime/${what}`, body,
    headers);
  open.got++;
  return answer;
}

async function main() {
  watchAll();
  if (virtual) makeVirtual();
  let handler;
  try {
    handler = await load(process.env._HANDLER);
  } catch (error) {
    console.error(error?.stack ?? error);
    await counted('POST', 'init/error', wordsOf(error));
    process.exit(1);
  }
  for (;;) await serve(handler);
}

main();
