// The server library for Node (NODE). What it answers is the body that came.

import Pusher from 'pusher';
import { MASTER_KEY } from '../endpoint.mjs';

export class NodeBackend {
  constructor(app, { port, host = '127.0.0.1', tls = false, secret = app.secret, master = undefined }) {
    const { id: appId, key } = app;
    this.origin = `${tls ? 'https' : 'http'}://${host}:${port}`;
    this.path = `/apps/${appId}`;
    this.library = new Pusher({ appId, key, secret, host, port: String(port), useTLS: tls, encryptionMasterKeyBase64: master && MASTER_KEY });
  }

  trigger(channels, event, data, { socketId, info } = {}) {
    const parameters = { ...(socketId && { socket_id: socketId }), ...(info && { info }) };
    return bodyOf(this.library.trigger(channels, event, data, parameters));
  }

  batch(events) {
    return bodyOf(this.library.triggerBatch(events));
  }

  channels({ prefix, attributes } = {}) {
    return this.#get('/channels', { ...(prefix && { filter_by_prefix: prefix }), ...(attributes && { info: attributes.join(',') }) });
  }

  channel(name, attributes) {
    return this.#get(`/channels/${name}`, attributes && { info: attributes.join(',') });
  }

  users(channel) {
    return this.#get(`/channels/${channel}/users`);
  }

  #get(path, params = {}) {
    return bodyOf(this.library.get({ path, params }));
  }

  sendToUser(id, event, data) {
    return bodyOf(this.library.sendToUser(id, event, data));
  }

  terminate(id) {
    return bodyOf(this.library.terminateUserConnections(id));
  }

  /** A POST of the library's with a body that it would not make. */
  post(path, body) {
    return bodyOf(this.library.post({ path, body }));
  }

  /** A request that only has the library's signature. */
  async send(method, path, { params = {}, body, before = '' } = {}) {
    const whole = `${before}${this.path}${path}`;
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    const query = this.library.createSignedQueryString({ method, path: whole, params, body: text });
    const response = await fetch(`${this.origin}${whole}?${query}`, { method, body: text });
    return { status: response.status, text: await response.text() };
  }

  authorize(channel, socketId, data) {
    return this.library.authorizeChannel(socketId, channel, data);
  }

  authenticate(socketId, user) {
    return this.library.authenticateUser(socketId, user);
  }

  /** The events of a webhook, or nothing when the library does not believe it. */
  webhook(headers, rawBody) {
    const webhook = this.library.webhook({ headers, rawBody });
    return webhook.isValid() ? { time_ms: webhook.getTime().getTime(), events: webhook.getEvents() } : null;
  }
}

async function bodyOf(answer) {
  try {
    return await (await answer).json();
  } catch (error) {
    // The library's own error keeps what was answered.
    if (error.status === undefined) throw error;
    throw Object.assign(new Error(`${error.status}: ${error.body}`), { name: 'RequestError', status: error.status, text: error.body });
  }
}
