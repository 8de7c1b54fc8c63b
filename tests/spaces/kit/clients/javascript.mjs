// socket.io-client, in each of its generations, used as the samples use it.

import { createRequire } from 'node:module';
import { Client, EVENTS } from './client.mjs';

const require = createRequire(import.meta.url);

const LIBRARY = {
  J17: 'socket.io-client-1',
  J20: 'socket.io-client-20',
  J25: 'socket.io-client-25',
  J4: 'socket.io-client-4',
};

/** Quick to come back, and always after the same time. */
const RECONNECTION = { reconnectionDelay: 50, reconnectionDelayMax: 50, randomizationFactor: 0 };

export class JavaScriptClient extends Client {
  #socket;
  #sockets = [];

  open() {
    this.#socket = this.#socketFor(this.options.namespace, (event, payload) => this.came(event, payload));
  }

  /** A socket for one more namespace, on the same transport. */
  openBeside(namespace, came) {
    this.#socketFor(namespace, came);
  }

  #socketFor(namespace, came) {
    const library = require(LIBRARY[this.kind.name]);
    const options = this.#options();
    const manager = this.#socket?.io;
    const socket = manager ? manager.socket(namespace, options) : library(this.options.url ?? this.wire.url + namespace, { ...options, forceNew: true });
    this.#sockets.push(socket);
    for (const event of EVENTS) socket.on(event, (payload) => came(event, payload));
    socket.on('connect', () => came('@connect'));
    socket.on('error', (error) => came('@error', error));
    socket.on('connect_error', (error) => came('@connect_error', error));
    socket.on('disconnect', (reason) => came('@disconnect', reason));
    return socket;
  }

  #options() {
    const { transports, tokenIn } = this.options;
    const options = { ...RECONNECTION, reconnection: this.options.reconnection ?? true };
    if (transports !== 'default') options.transports = [transports];
    const pairs = this.#pairs();
    if (tokenIn === 'auth') return { ...options, auth: pairs };
    // The samples for v1 and v2 hand the query over as text, as it is to stand in the URL.
    const query = this.kind.eio === 3 ? this.options.rawQuery ?? asText(pairs) : pairs;
    return { ...options, query };
  }

  #pairs() {
    const { token, tokenType, query } = this.options;
    const pairs = { ...query };
    if (token !== undefined) pairs.token = token;
    if (tokenType !== undefined) pairs.tokenType = tokenType;
    return pairs;
  }

  get sid() {
    return this.#socket.id;
  }

  /** The transport in use: `polling` or `websocket`. */
  get transport() {
    return (this.#socket.io.engine ?? {}).transport?.name;
  }

  /** Whether the transport is open, whatever has become of the namespace. */
  get isTransportOpen() {
    return this.#socket.io.engine?.readyState === 'open';
  }

  /** Called with every Engine.IO packet that comes: {type, data}. */
  onPacket(then) {
    this.#socket.io.engine.on('packet', then);
  }

  /** Called when the transport was upgraded. */
  onUpgrade(then) {
    const { engine } = this.#socket.io;
    if (engine.transport?.name === 'websocket') return then();
    engine.on('upgrade', then);
  }

  emit(event, payload) {
    if (payload === undefined) this.#socket.emit(event);
    else this.#socket.emit(event, payload);
  }

  emitWithAck(event, payload, answered) {
    this.#socket.emit(event, payload, answered);
  }

  emitAll(event, ...payloads) {
    this.#socket.emit(event, ...payloads);
  }

  close() {
    this.#socket.disconnect();
  }

  async dispose() {
    for (const socket of this.#sockets) {
      socket.io.reconnection(false);
      socket.disconnect();
      socket.io.engine?.close();
    }
    await super.dispose();
  }
}

function asText(pairs) {
  return Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join('&');
}
