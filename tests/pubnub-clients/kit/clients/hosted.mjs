// Clients that live in a child process: the SDKs.

import { Wire } from '../../../kit/wire.mjs';
import { host } from '../host.mjs';
import { Tap } from '../tap.mjs';
import { Client } from './client.mjs';
import { send } from './raw.mjs';

export class HostedClient extends Client {
  #host;
  #id;

  async open() {
    const { alone, port, ...options } = this.options;
    this.wire = await Wire.to(port);
    this.tap = new Tap(this.wire, this.name);
    this.#host = host(this.kind.name, { alone });
    this.#id = this.#host.add(this);
    await this.#host.ask('open', { client: this.#id, kind: this.kind.name, options: { ...options, port: this.wire.port, user: this.user } });
  }

  /** One call of the SDK; `kit/child.mjs`, `python/calls.py` and `rust/src/client.rs` have the names. */
  call(what, asked = {}) {
    return this.#host.ask(what, { client: this.#id, ...asked });
  }

  /** Waits until its newest poll is held by the hub, which has answered what was asked after it. */
  async polls() {
    await this.tap.polls();
    for (let n = 0; n < 2; n += 1) await send(this.options.port, '/time/0');
  }

  /** Unsubscribes once its poll is held: an SDK that is about to poll when it says that it leaves comes back with that poll. */
  async unsubscribe(names) {
    await this.polls();
    return super.unsubscribe(names);
  }

  /** The same with everything. */
  async unsubscribeAll() {
    await this.polls();
    return this.call('unsubscribeAll');
  }

  /** A signal to the process, which is to be its own. */
  signal(name) {
    this.#host.signal(name);
  }

  async dispose() {
    if (this.#host?.isRunning) await this.call('dispose').catch(() => {});
    await this.wire?.close();
  }
}

/** With Rust one names the presence channels oneself, and subscribes once. */
export class RustClient extends HostedClient {
  call(what, { presence, ...asked } = {}) {
    if (what !== 'subscribe' || !presence) return super.call(what, asked);
    const both = (names = []) => names.flatMap((name) => [name, `${name}-pnpres`]);
    return super.call(what, { channels: both(asked.channels), groups: both(asked.groups) });
  }
}
