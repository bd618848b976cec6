// For runtimes of node that are not perdure's: what the function asks of others
// over HTTP is led to perdure, if it is to be. Loaded before the runtime.
'use strict';

const http = require('node:http');
const https = require('node:https');
const { syncBuiltinESMExports } = require('node:module');
const outgoing = require('./outgoing.cjs');

const plain = http.request;

function leadAll() {
  for (const module of [http, https]) {
    const request = module.request;
    module.request = (...given) => {
      const way = outgoing.lead(given, module);
      return way.given ? plain.apply(http, way.given)
        : request.apply(module, given);
    };
    module.get = (...given) => {
      const made = module.request(...given);
      made.end();
      return made;
    };
  }
  outgoing.leadFetch();
  syncBuiltinESMExports();
}

if (process.env.PERDURE_OUTGOING !== undefined) leadAll();
