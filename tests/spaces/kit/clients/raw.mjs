// A client without a Socket.IO library: it writes the frames itself, as in the field.

import WebSocket from 'ws';
import { Client } from './client.mjs';

export class RawClient extends Client {
  /** Every frame, in order, in both directions: `> ` said, `< ` heard. */
  frames = [];
  #socket;
  #pings;

  open() {
    const { kind, options } = this;
    const query = new URLSearchParams({ ...options.query });
    if (options.tokenIn === 'query' || options.tokenIn === 'url') this.#addToken(query);
    query.set('EIO', String(kind.eio));
    query.set('transport', 'websocket');
    this.#socket = new WebSocket(`${this.wire.url.replace('http', 'ws')}/socket.io/?${query}`, { headers: options.headers });
    this.#socket.on('message', (data, isBinary) => this.#read(isBinary ? data : String(data)));
    this.#socket.on('error', () => {});
    this.#socket.on('close', (code) => this.came('@disconnect', code));
  }

  #addToken(query) {
    const { token, tokenType } = this.options;
    if (token !== undefined) query.set('token', token);
    if (tokenType !== undefined) query.set('tokenType', tokenType);
  }

  #read(frame) {
    this.frames.push(`< ${frame}`);
    if (this.kind.eio === 4 && frame === '2') this.send('3');
    const { namespace } = this.options;
    const isGreeting = this.kind.eio === 3 ? frame === '40' : frame.startsWith('0{');
    if (this.kind.eio === 3 && frame.startsWith('0{')) this.#pingEvery(JSON.parse(frame.slice(1)).pingInterval / 3);
    if (isGreeting) this.#enter();
    else if (this.#isEntered(frame)) this.came('@connect');
    else if (frame.startsWith(`44${namespace},`)) this.came(this.kind.eio === 3 ? '@error' : '@connect_error', JSON.parse(frame.slice(3 + namespace.length)));
    else if (frame.startsWith(`41${namespace}`)) this.came('@disconnect', 'io server disconnect');
    else if (frame.startsWith(`42${namespace},`)) {
      const [event, payload] = JSON.parse(frame.slice(3 + namespace.length));
      this.came(event, payload);
    }
  }

  /** In version 3 it is the client that keeps the connection alive. */
  #pingEvery(span) {
    this.#pings = setInterval(() => this.isTransportOpen && this.send('2'), span);
  }

  #enter() {
    const { namespace, tokenIn, token, tokenType } = this.options;
    const query = new URLSearchParams();
    if (tokenIn !== 'url') this.#addToken(query);
    if (this.kind.eio === 3) this.send(`40${namespace}${String(query) && `?${query}`},`);
    else this.send(`40${namespace},${tokenIn === 'auth' ? JSON.stringify({ token, tokenType }) : '{}'}`);
  }

  #isEntered(frame) {
    const { namespace } = this.options;
    if (this.kind.eio === 3) return frame === `40${namespace}`;
    if (!frame.startsWith(`40${namespace},`)) return false;
    this.sid = JSON.parse(frame.slice(3 + namespace.length)).sid;
    return true;
  }

  /** Sends a frame as it is. */
  send(frame) {
    this.frames.push(`> ${frame}`);
    this.#socket.send(frame);
  }

  emit(event, payload) {
    this.send(`42${this.options.namespace},${JSON.stringify(payload === undefined ? [event] : [event, payload])}`);
  }

  close() {
    this.#socket.close();
  }

  get isTransportOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  async dispose() {
    clearInterval(this.#pings);
    this.#socket.terminate();
    await super.dispose();
  }
}
