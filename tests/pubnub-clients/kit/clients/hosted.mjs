// Clients that live in a child process: the SDKs.

import { host } from '../host.mjs';
import { Client } from './client.mjs';

export class HostedClient extends Client {
  #host;
  #id;

  async open() {
    const { alone, ...options } = this.options;
    this.#host = host(this.kind.name, { alone });
    this.#id = this.#host.add(this);
    await this.#host.ask('open', { client: this.#id, kind: this.kind.name, options: { ...options, user: this.user } });
  }

  /** One call of the SDK; `kit/child.mjs`, `python/calls.py` and `rust/src/client.rs` have the names. */
  call(what, asked = {}) {
    return this.#host.ask(what, { client: this.#id, ...asked });
  }

  /** A signal to the process, which is to be its own. */
  signal(name) {
    this.#host.signal(name);
  }

  async dispose() {
    if (this.#host?.isRunning) await this.call('dispose').catch(() => {});
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
