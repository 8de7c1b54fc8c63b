// The kinds of clients, and what each can do.

import { JavaScriptClient } from './clients/javascript.mjs';
import { PlainClient } from './clients/plain.mjs';
import { PythonClient } from './clients/python.mjs';
import { RawClient } from './clients/raw.mjs';

const kind = (name, eio, Adapter) => ({ name, eio, Adapter });

/** socket.io-client 1.7.3, 2.0.4, 2.5.0 and 4; python-socketio 4.6.1 and 5; frames by hand for Engine.IO 3 and 4; `/ws`. */
export const J17 = kind('J17', 3, JavaScriptClient);
export const J20 = kind('J20', 3, JavaScriptClient);
export const J25 = kind('J25', 3, JavaScriptClient);
export const J4 = kind('J4', 4, JavaScriptClient);
export const P4 = kind('P4', 3, PythonClient);
export const P5 = kind('P5', 4, PythonClient);
export const RAW3 = kind('RAW3', 3, RawClient);
export const RAW4 = kind('RAW4', 4, RawClient);
export const WS = kind('WS', null, PlainClient);

export const JAVASCRIPT = [J17, J20, J25, J4];
/** What the acceptance scenarios call "all". */
export const LIBRARIES = [...JAVASCRIPT, P4, P5];
export const RAW = [RAW3, RAW4];
/** Everybody who can be in a space. */
export const EVERYBODY = [...LIBRARIES, ...RAW, WS];
