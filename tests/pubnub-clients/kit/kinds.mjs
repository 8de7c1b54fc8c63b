// The peers: three SDKs, one of them in two forms, and requests by hand.

import { HostedClient, RustClient } from './clients/hosted.mjs';
import { RawClient } from './clients/raw.mjs';

const kind = (name, Adapter) => ({ name, Adapter });

/** PyPI `pubnub` 7.0.0 with requests, the same with asyncio, npm `pubnub` 7.3.3, crate `pubnub` 0.3.0. */
export const PY = kind('Py', HostedClient);
export const PYA = kind('PyA', HostedClient);
export const JS = kind('Js', HostedClient);
export const RS = kind('Rs', RustClient);
export const RAW = kind('raw', RawClient);

/** Those that subscribe as they are asked to. */
export const SDKS = [PY, PYA, JS, RS];
/** Those that say goodbye. */
export const POLITE = [PY, PYA, JS];
