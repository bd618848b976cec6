// Leads what a function asks of others over HTTP to perdure, as to a proxy:
// by http and https, by fetch, and by what is built on them. A request of https
// comes there without TLS. PERDURE_OUTGOING names the origins, * for any
// characters; without it everything goes its way.
'use strict';

const http = require('node:http');
const { urlToHttpOptions } = require('node:url');

const globs = (process.env.PERDURE_OUTGOING ?? '').split(' ').filter(Boolean);
const patterns = globs.map((glob) => new RegExp(
  `^${glob.split('*').map((part) => part.replace(/\W/g, '\\$&')).join('.*')}$`));
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const own = `http://${host}:${port}`;
const agent = new http.Agent({ keepAlive: true });
const ports = { 'http:': 80, 'https:': 443 };

const isLed = (origin) => patterns.some((pattern) => pattern.test(origin));

function originOf(protocol, name, number) {
  const bare = name.includes(':') && name[0] !== '[' ? `[${name}]` : name;
  const tail = !number || Number(number) === ports[protocol] ? '' : `:${number}`;
  return `${protocol}//${bare.toLowerCase()}${tail}`;
}

// The arguments of http.request as one object, and what is to be called.
function read([first, ...rest]) {
  const url = typeof first === 'string' ? new URL(first) : first;
  const back = rest.find((one) => typeof one === 'function');
  if (!(url instanceof URL)) return [{ ...url }, back];
  const more = typeof rest[0] === 'object' ? rest[0] : {};
  return [{ ...urlToHttpOptions(url), ...more }, back];
}

// Where a request is to go: whether to perdure, and then the arguments of
// http.request that lead it there, if it did not go there anyway.
function lead(given, module) {
  const [options, back] = read(given);
  const protocol = options.protocol ?? options.agent?.protocol ??
    module.globalAgent.protocol;
  const name = options.hostname || options.host || 'localhost';
  const number = options.port || options.defaultPort;
  const origin = originOf(protocol, name, number);
  if (options.socketPath) return { ours: false };
  if (origin === own) return { ours: true };
  if (!isLed(origin)) return { ours: false };
  const { createConnection, lookup, defaultPort, ...kept } = options;
  const tail = options.path || '/';
  return { ours: true, given: [{ ...kept, protocol: 'http:', host,
    hostname: host, port, agent,
    path: origin + (tail[0] === '/' ? tail : `/${tail}`) }, back] };
}

function dispatcherOf(inner) {
  const dispatch = (options, handler) => {
    const { protocol, hostname, port: number } = new URL(options.origin);
    const origin = originOf(protocol, hostname, number);
    return inner.dispatch(origin === own || !isLed(origin) ? options
      : { ...options, origin: own, path: origin + options.path }, handler);
  };
  return Object.create(inner, { dispatch: { value: dispatch } });
}

// Node's fetch, and the npm package undici, find their way by this.
function leadFetch() {
  const key = Symbol.for('undici.globalDispatcher.1');
  if (patterns.length === 0 || !globalThis.Response) return;
  const inner = globalThis[key];
  if (!inner) return;
  const dispatcher = dispatcherOf(inner);
  globalThis[key] = dispatcher;
  const fetch = globalThis.fetch;
  globalThis.fetch = function (what, init) {
    return fetch.call(this, what, { ...init, dispatcher });
  };
}

module.exports = { lead, leadFetch };
