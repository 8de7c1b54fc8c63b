// What `host.mjs` starts for Node: pusher-js clients and the Node server library in a process of their own, to be stopped, killed, or given certificates.

import { createInterface } from 'node:readline';
import { JavaScriptClient } from './clients/javascript.mjs';
import { NodeBackend } from './backends/node.mjs';

const clients = new Map();
const backends = new Map();
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const doers = {
  open({ client, options, port }) {
    const made = new JavaScriptClient({ name: 'JS' }, client, { port, close() {} }, options);
    made.came = (event, payload) => tell({ client, event, payload });
    clients.set(client, made);
    made.open();
  },
  subscribe: ({ client, channel }) => void clients.get(client).saySubscribe(channel),
  unsubscribe: ({ client, channel }) => clients.get(client).unsubscribe(channel),
  trigger: ({ client, channel, event, data }) => clients.get(client).trigger(channel, event, data),
  close: ({ client }) => clients.get(client).close(),
  make: ({ backend, app, at }) => void backends.set(backend, new NodeBackend(app, at)),
  call: ({ backend, method, args }) => backends.get(backend)[method](...args),
};

async function obey({ number, do: what, ...more }) {
  try {
    tell({ answers: number, result: await doers[what](more) });
  } catch ({ name, message, status }) {
    tell({ answers: number, raised: { name, text: message, status } });
  }
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => obey(JSON.parse(line)));
lines.on('close', () => process.exit(0));
