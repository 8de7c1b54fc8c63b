// A client of `/ws`: one JSON text frame for each event.

import WebSocket from 'ws';
import { Client } from './client.mjs';

export class PlainClient extends Client {
  #socket;

  open() {
    const query = new URLSearchParams(this.options.query);
    const { token, tokenType } = this.options;
    if (token !== undefined) query.set('token', token);
    if (tokenType !== undefined) query.set('tokenType', tokenType);
    this.#socket = new WebSocket(`${this.wire.url.replace('http', 'ws')}/ws?${query}`, { headers: this.options.headers });
    this.#socket.on('message', (data) => this.#read(JSON.parse(data)));
    this.#socket.on('error', (error) => this.came('@error', error.message));
    this.#socket.on('close', (code) => this.came('@disconnect', code));
  }

  #read({ event, payload }) {
    if (event === 'AUTHENTICATED') {
      this.sid = payload.sessionId;
      this.came('@connect');
    } else this.came(event, payload);
  }

  /** Sends a text as it is. */
  send(text) {
    this.#socket.send(text);
  }

  emit(event, payload) {
    this.send(JSON.stringify({ event, payload }));
  }

  close() {
    this.#socket.close();
  }

  get isTransportOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  async dispose() {
    this.#socket.terminate();
    await super.dispose();
  }
}
