// Clients that live in a child process: pysher (PYS), asyncpusher (APY), and pusher-js where the process itself is what matters.

import { node, python } from '../host.mjs';
import { Client } from './client.mjs';

export class HostedClient extends Client {
  #host;
  #id;

  async open() {
    const { host, ...options } = this.options;
    this.#host = host ?? this.home();
    this.#id = this.#host.add(this);
    await this.ask('open', { kind: this.kind.name, port: this.wire.port, options });
  }

  ask(what, more) {
    return this.#host.ask(what, { client: this.#id, ...more });
  }

  saySubscribe(channel) {
    return this.ask('subscribe', { channel });
  }

  unsubscribe(channel) {
    return this.ask('unsubscribe', { channel });
  }

  /** A client event. */
  trigger(channel, event, data) {
    return this.ask('trigger', { channel, event, data });
  }

  close() {
    return this.ask('close');
  }

  /** A signal to the whole process. */
  signal(name) {
    this.#host.signal(name);
  }
}

export class PythonClient extends HostedClient {
  home() {
    return python('PY3');
  }

  /** {state, isOver}: what the library says of its connection, and whether it has ended for good. */
  standing() {
    return this.ask('standing');
  }

  async dispose() {
    await this.ask('dispose').catch(() => {});
    await super.dispose();
  }
}

export class ChildClient extends HostedClient {
  home() {
    return node();
  }

  async dispose() {
    this.signal('SIGKILL');
    await super.dispose();
  }
}
