// pusher-js (JS), and laravel-echo on top of it (ECHO), used as programs use them.

import Echo from 'laravel-echo';
import Pusher from 'pusher-js';
import { Client } from './client.mjs';

globalThis.window ??= globalThis;

/**
 * `path` is a prefix, `tls` a second port for TLS, `pusher` further options of the library; `authorize` and `authenticate` sign instead of the
 * application's endpoint.
 */
export class JavaScriptClient extends Client {
  /** Every state of the connection, in order. */
  states = [];
  #bound = new Set();

  open() {
    this.library = this.make();
    const { connection, user } = this.library;
    connection.bind('state_change', ({ current }) => this.#stands(current));
    connection.bind('connected', () => this.came('@connected', { socketId: connection.socket_id }));
    connection.bind('error', ({ error, data }) => this.came('@error', data ?? error?.data ?? { message: String(error) }));
    connection.bind('message', (message) => this.#hear(message));
    user.bind_global((event, data) => this.came(event, { channel: '#user', data }));
    for (const name of ['online', 'offline']) user.watchlist.bind(name, ({ user_ids: ids }) => this.came(`@${name}`, ids));
  }

  /** Makes the library's object. */
  make() {
    return new Pusher(this.options.app.key, this.settings());
  }

  settings() {
    const { app, endpoint, path, tls, user, authorize, authenticate, pusher } = this.options;
    const params = user && { user: JSON.stringify(user) };
    const channelAuthorization = authorize ? { customHandler: handler(authorize) } : { endpoint: `${endpoint}/${app.id}/pusher/auth`, params };
    const userAuthentication = authenticate ? { customHandler: handler(authenticate) } : { endpoint: `${endpoint}/${app.id}/pusher/user-auth`, params };
    return {
      cluster: 'x',
      wsHost: '127.0.0.1',
      wsPort: this.wire.port,
      wssPort: tls ?? this.wire.port,
      wsPath: path,
      forceTLS: false,
      enabledTransports: tls ? ['ws', 'wss'] : ['ws'],
      channelAuthorization,
      userAuthentication,
      ...pusher,
    };
  }

  #stands(state) {
    this.states.push(state);
    if (state === 'disconnected') this.came('@disconnected');
    if (state === 'connecting' && this.states.at(-2) === 'connected') this.came('@lost');
  }

  /** The messages that the library handles by itself. */
  #hear({ event, data }) {
    if (event === 'pusher:signin_success') this.came('@signin', data);
    if (event === 'pusher:pong') this.pongs?.();
  }

  saySubscribe(name) {
    const channel = this.library.subscribe(name);
    if (this.#bound.has(channel)) return channel;
    this.#bound.add(channel);
    const { listen = [] } = this.options;
    for (const event of listen) channel.bind(event, (data, metadata) => this.came(event, { channel: name, data, user: metadata?.user_id }));
    channel.bind_global((event, data) => listen.includes(event) || this.#happens(name, event, data));
    return channel;
  }

  #happens(channel, event, data) {
    if (event === 'pusher:subscription_succeeded') this.came('@subscribed', { channel, count: data?.count, ids: data?.members && Object.keys(data.members) });
    else if (event === 'pusher:member_added') this.came('@added', { channel, ...data });
    else if (event === 'pusher:member_removed') this.came('@removed', { channel, ...data });
    else if (event === 'pusher:subscription_count') this.came('@count', { channel, count: data.subscription_count });
    else this.came(event, { channel, data });
  }

  unsubscribe(name) {
    this.#bound.delete(this.library.channel(name));
    this.library.unsubscribe(name);
  }

  /** A client event. */
  trigger(channel, event, data) {
    return this.library.channel(channel).trigger(event, data);
  }

  /** A frame of the library's own making. */
  say(event, data, channel) {
    return this.library.send_event(event, data, channel);
  }

  async signin() {
    this.library.signin();
    return this.next('@signin');
  }

  /** The library's own list of the members of a presence channel. */
  members(channel) {
    return this.library.channel(channel).members;
  }

  get state() {
    return this.library.connection.state;
  }

  /** Whether the library means to connect again by itself. */
  get isRetrying() {
    return Boolean(this.library.connection.retryTimer?.isRunning());
  }

  close() {
    this.library.disconnect();
  }

  async dispose() {
    this.library.disconnect();
    await super.dispose();
  }
}

/** Laravel's. Its calls are its own: `join`, `here`, `whisper`. */
export class EchoClient extends JavaScriptClient {
  make() {
    const { app, endpoint, user, broadcaster = 'reverb' } = this.options;
    const params = { user: JSON.stringify(user) };
    const auth = { authEndpoint: `${endpoint}/${app.id}/broadcasting/auth`, auth: { params } };
    const { channelAuthorization, userAuthentication, ...settings } = this.settings();
    this.echo = new Echo({ ...settings, ...auth, broadcaster, Pusher, key: app.key });
    return this.echo.connector.pusher;
  }

  /** Joins a presence channel; what comes has Echo's words. */
  join(name) {
    const channel = `presence-${name}`;
    const tell = (event) => (data) => this.came(event, { channel, data });
    const joined = this.echo.join(name).here(tell('@here')).joining(tell('@joining')).leaving(tell('@leaving')).error(tell('@refused'));
    for (const event of this.options.listen ?? []) joined.listen(event, tell(event));
    for (const event of this.options.whispers ?? []) joined.listenForWhisper(event, tell(`whisper ${event}`));
    return joined;
  }
}

function handler(sign) {
  return ({ socketId, channelName }, callback) => {
    Promise.resolve(sign(socketId, channelName)).then((auth) => callback(null, auth), (error) => callback(error, null));
  };
}
