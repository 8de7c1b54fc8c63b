// The libraries: clients, and what backends use.

import { ChildClient, PythonClient } from './clients/hosted.mjs';
import { EchoClient, JavaScriptClient } from './clients/javascript.mjs';
import { RawClient } from './clients/raw.mjs';
import { NodeBackend } from './backends/node.mjs';
import { PythonBackend } from './backends/python.mjs';

const kind = (name, Adapter) => ({ name, Adapter });

/** pusher-js, laravel-echo, pysher, asyncpusher, frames by hand, and pusher-js in a process of its own. */
export const JS = kind('JS', JavaScriptClient);
export const ECHO = kind('ECHO', EchoClient);
export const PYS = kind('PYS', PythonClient);
export const APY = kind('APY', PythonClient);
export const RAW = kind('RAW', RawClient);
export const CHILD = kind('JS', ChildClient);

/** The client libraries. */
export const CLIENTS = [JS, ECHO, PYS, APY];

/** The server libraries: npm `pusher`, PyPI `pusher` and PyPI `pusher-rest`. */
export const NODE = kind('NODE', NodeBackend);
export const PY3 = kind('PY3', PythonBackend);
export const PYR = kind('PYR', PythonBackend);

export const BACKENDS = [NODE, PY3, PYR];
