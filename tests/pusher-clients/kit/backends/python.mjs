// The server libraries for Python (PY3, PYR), in a child process. What they answer is what they return.

import { python } from '../host.mjs';

let count = 0;

export class PythonBackend {
  #host;
  #id;
  #made;

  /** `settings` are further arguments of the library's own constructor; `environment` is for the process. */
  constructor(app, { port, host = '127.0.0.1', tls = false, secret = app.secret, settings, environment }, { name }) {
    count += 1;
    this.#id = `b${count}`;
    this.#host = python(name, environment);
    this.#made = this.#ask('make', { kind: name, app: { ...app, secret }, at: { host, port, ssl: tls, ...settings } });
    this.#made.catch(() => {});
  }

  #ask(what, more) {
    return this.#host.ask(what, { backend: this.#id, ...more });
  }

  /** Calls a method of the library by its own name. */
  async call(method, ...args) {
    await this.#made;
    return this.#ask('call', { method, args });
  }

  trigger(channels, event, data, { socketId } = {}) {
    return this.call('trigger', channels, event, data, ...(socketId ? [socketId] : []));
  }

  batch(events) {
    return this.call('trigger_batch', events);
  }

  channels({ prefix = null, attributes = [] } = {}) {
    return this.call('channels_info', prefix, attributes);
  }

  channel(name, attributes = []) {
    return this.call('channel_info', name, attributes);
  }

  users(channel) {
    return this.call('users_info', channel);
  }

  sendToUser(id, event, data) {
    return this.call('send_to_user', id, event, data);
  }

  terminate(id) {
    return this.call('terminate_user_connections', id);
  }

  authorize(channel, socketId, ...data) {
    return this.call('authorize', channel, socketId, ...data);
  }

  authenticate(socketId, user) {
    return this.call('authenticate_user', socketId, user);
  }

  webhook(headers, body) {
    return this.call('validate_webhook', headers['x-pusher-key'], headers['x-pusher-signature'], body);
  }
}
