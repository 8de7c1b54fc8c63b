// The presence-hub client: one connection, any number of topics, each with a roster that is always consistent.

/*
 *   import { createHub } from './presence-client.js';
 *
 *   const hub = createHub({ url: 'wss://hub.example/ws', token: async () => fetchToken() });
 *   const lobby = hub.topic('lobby');                       // watches: you see others, nobody sees you
 *   lobby.on('sync', ({ members }) => draw(members));       // the whole list, after (re)connecting
 *   lobby.on('join', ({ member }) => add(member));          // then each change
 *   await lobby.track({ mediaSession: { audio: true } });   // you are present; resolves once the hub has ordered it
 *   await lobby.set({ idle: true });                        // merged into what you track
 *   await lobby.say('hello');
 *   await lobby.leave();                                    // you still watch
 *
 * What you track survives reconnects. Missed changes are replayed or the list is replaced (`sync`); nothing is
 * announced twice. The modules it needs are beside it: presence-topic.js, presence-retry.js, presence-emitter.js.
 */

import { Emitter, HubError } from './presence-emitter.js';
import { retryDelay } from './presence-retry.js';
import { Topic } from './presence-topic.js';

export { HubError };

/** Milliseconds of patience. A browser never shows a page the hub's pings, so the page must ask. */
const PATIENCE = {
  handshake: 10_000, // from opening to AUTHENTICATED
  quiet: 10_000, // without any frame, then ask for one
  answer: 4_000, // to that, then the connection is stale
  stale: 10_000, // then it is given up
  stable: 5_000, // a connection that lasted this long resets the backoff
};

/** A topic that nobody watches: unsubscribing from it is answered and does nothing, which makes it a probe. */
const PROBE = { channel: { type: 'topic', _id: 'presence-client-probe' } };

/**
 * @typedef {'connecting' | 'online' | 'stale' | 'offline'} ConnectionState
 *
 * @typedef {object} StateDetail
 * @property {ConnectionState} state
 * @property {number} [code] With `offline`: the close code.
 * @property {string} [reason] With `offline`: the close reason.
 * @property {number | null} [retryAt] With `offline`: when the next attempt is due (as `Date.now()`); null: never unasked.
 *
 * @typedef {object} TokenRequest
 * @property {'start' | 'reconnect' | 'refused' | 'expiring'} why A `refused` or `expiring` token must be replaced by a fresh one.
 *
 * @typedef {object} HubOptions
 * @property {string} [url] The hub's `/ws`; by default that of the page's own origin.
 * @property {string | ((request: TokenRequest) => string | Promise<string>)} token A token, or what fetches one.
 * @property {typeof globalThis.WebSocket} [WebSocket] Another transport class.
 * @property {() => number} [random] Another source of numbers in [0, 1).
 * @property {Partial<typeof PATIENCE>} [patience]
 */

/**
 * Makes a hub and starts to connect.
 * @param {HubOptions} options
 * @returns {Hub}
 */
export function createHub(options) {
  const hub = new Hub(options);
  queueMicrotask(() => hub.connect());
  return hub;
}

/**
 * One connection to the hub. Events: `state` (StateDetail), `error` (HubError).
 */
export class Hub extends Emitter {
  #options;
  #patience;
  #socket = null;
  #topics = new Map();
  #pending = new Map();
  #lastId = 0;
  #turn = 0;
  #attempt = 0;
  #tokenRefused = false;
  #everOnline = false;
  #onlineSince = 0;
  #closed = false;
  #retryTimer;
  #silenceTimer;
  #state = { state: 'offline', retryAt: null };
  #session = null;

  /** @param {HubOptions} options */
  constructor({ url = defaultUrl(), token, WebSocket = globalThis.WebSocket, random = Math.random, patience }) {
    super();
    this.#options = { url, token, WebSocket, random };
    this.#patience = { ...PATIENCE, ...patience };
  }

  /** @returns {ConnectionState} */
  get state() {
    return this.#state.state;
  }

  /** The party that this connection speaks for, as the hub stamped it; null before the first success. */
  get me() {
    return this.#session?.user ?? null;
  }

  /** The id of this connection's session; null before the first success. */
  get sessionId() {
    return this.#session?.sessionId ?? null;
  }

  /** What the hub says of itself: `{version, ping, grace}`, the last two in seconds. */
  get about() {
    return this.#session?.hub ?? null;
  }

  /**
   * A topic, watched from now on. The same name gives the same object until it is unwatched.
   * @param {string} name
   * @returns {Topic}
   */
  topic(name) {
    const known = this.#topics.get(name);
    if (known) return known;
    const topic = new Topic(name, {
      request: (event, payload) => this.request(event, payload),
      send: (event, payload) => this.#send({ event, payload }),
      forget: () => this.#topics.delete(name),
      sessionId: () => this.sessionId,
      partyId: () => this.me?._id,
    });
    this.#topics.set(name, topic);
    if (this.#isUsable()) topic.attach();
    return topic;
  }

  /** Connects now, whatever the backoff says. Does nothing while connected or connecting. */
  connect() {
    if (this.#socket || this.state === 'connecting') return;
    clearTimeout(this.#retryTimer);
    this.#closed = false;
    globalThis.addEventListener?.('online', this.#networkIsBack);
    void this.#open();
  }

  /** Says goodbye and stays offline. Without a `leave()`, the hub announces the leave after its grace. */
  close() {
    this.#closed = true;
    this.#attempt = 0;
    clearTimeout(this.#retryTimer);
    globalThis.removeEventListener?.('online', this.#networkIsBack);
    if (this.state !== 'offline' || this.#state.retryAt !== null) this.#lose({ code: 1000, reason: 'closed here' });
  }

  /** Closes, and connects again at once with a fresh token: for a party whose name has changed. */
  renew() {
    this.close();
    this.#tokenRefused = true;
    this.connect();
  }

  /**
   * Sends a frame and waits for its ACK.
   * @param {string} event
   * @param {object} payload
   * @returns {Promise<void>} Rejects with a HubError.
   */
  request(event, payload) {
    if (!this.#isUsable()) return Promise.reject(new HubError('offline', 'not connected to the hub'));
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ event, payload, id });
    });
  }

  // --- one connection's life ---

  async #open() {
    const turn = (this.#turn += 1);
    this.#setState({ state: 'connecting' });
    const why = this.#tokenRefused ? 'refused' : this.#everOnline ? 'reconnect' : 'start';
    let token;
    try {
      token = await this.#fetchToken(why);
    } catch (error) {
      if (turn === this.#turn) this.#lose({ code: 1006, reason: `no token: ${error.message}` });
      return;
    }
    if (turn !== this.#turn) return;
    this.#tokenRefused = false;
    let socket;
    try {
      socket = new this.#options.WebSocket(this.#options.url);
    } catch (error) {
      this.#lose({ code: 1006, reason: error.message });
      return;
    }
    this.#socket = socket;
    this.#silenceTimer = setTimeout(() => this.#lose({ code: 1006, reason: 'no answer' }), this.#patience.handshake);
    const whileCurrent = (act) => (event) => socket === this.#socket && act(event);
    socket.addEventListener('open', whileCurrent(() => this.#authenticate(token)));
    socket.addEventListener('message', whileCurrent(({ data }) => this.#receive(data)));
    socket.addEventListener('close', whileCurrent(({ code, reason }) => this.#lose({ code: code || 1006, reason })));
  }

  #lose({ code, reason = '' }) {
    const socket = this.#socket;
    this.#socket = null;
    this.#turn += 1;
    clearTimeout(this.#silenceTimer);
    if (socket && socket.readyState <= 1) socket.close(code === 1000 ? 1000 : undefined);
    const wasStable = this.#onlineSince > 0 && Date.now() - this.#onlineSince >= this.#patience.stable;
    this.#onlineSince = 0;
    if (wasStable) this.#attempt = 0;
    if (code === 4401) this.#tokenRefused = true;
    const renewable = typeof this.#options.token === 'function';
    const { random } = this.#options;
    const delay = this.#closed ? null : retryDelay({ code, reason, attempt: this.#attempt, renewable, random });
    this.#attempt += 1;
    if (delay !== null) this.#retryTimer = setTimeout(() => this.connect(), delay);
    this.#setState({ state: 'offline', code, reason, retryAt: delay === null ? null : Date.now() + delay });
    for (const topic of this.#topics.values()) topic.detach();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(new HubError('connection.lost', 'the connection was lost'));
  }

  #receive(data) {
    if (this.state === 'stale') this.#setState({ state: 'online' });
    if (this.#isUsable()) this.#awaitSilence();
    const frame = parse(data);
    if (!frame) return;
    const { event, payload } = frame;
    switch (event) {
      case 'AUTHENTICATED':
        return this.#authenticated(payload);
      case 'TOKEN_EXPIRING':
        return void this.#renewToken();
      case 'ACK':
        return this.#settle(payload);
      case 'ERROR':
        return this.emit('error', HubError.from(payload.error));
      case 'CHANNEL_SUBSCRIBED':
      case 'CHANNEL_UNSUBSCRIBED':
        return this.#topics.get(payload.channel?._id)?.receive(frame);
      default:
        return this.#topics.get(payload.topicId)?.receive(frame);
    }
  }

  // --- authentication ---

  async #fetchToken(why) {
    const { token } = this.#options;
    return typeof token === 'function' ? token({ why }) : token;
  }

  #authenticate(token) {
    this.#send({ event: 'AUTHENTICATE', payload: { token, tokenType: 'jwt' } });
  }

  #authenticated(payload) {
    this.#session = payload;
    if (this.#isUsable()) return; // a prolonged token, not a new session
    this.#everOnline = true;
    this.#onlineSince = Date.now();
    this.#setState({ state: 'online' });
    this.#awaitSilence();
    for (const topic of [...this.#topics.values()]) topic.attach();
  }

  async #renewToken() {
    const turn = this.#turn;
    try {
      const token = await this.#fetchToken('expiring');
      if (turn === this.#turn && this.#isUsable()) this.#authenticate(token);
    } catch (error) {
      this.emit('error', new HubError('no.token', error.message)); // the hub will close with 4401, and we start over
    }
  }

  // --- is anybody there? ---

  #networkIsBack = () => {
    if (!this.#closed && this.state === 'offline' && this.#state.retryAt !== null) this.connect();
    else if (this.#isUsable()) this.#probe();
  };

  #awaitSilence() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#probe(), this.#patience.quiet);
  }

  #probe() {
    clearTimeout(this.#silenceTimer);
    this.#send({ event: 'UNSUBSCRIBE_CHANNEL', payload: PROBE });
    this.#silenceTimer = setTimeout(() => {
      this.#setState({ state: 'stale' });
      this.#silenceTimer = setTimeout(() => this.#lose({ code: 1006, reason: 'silence' }), this.#patience.stale);
    }, this.#patience.answer);
  }

  // --- small parts ---

  #isUsable() {
    return this.state === 'online' || this.state === 'stale';
  }

  #setState(detail) {
    this.#state = detail;
    this.emit('state', detail);
  }

  #send(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  #settle({ id, ok, error }) {
    const waiting = this.#pending.get(id);
    if (!waiting) return;
    this.#pending.delete(id);
    if (ok) waiting.resolve();
    else waiting.reject(HubError.from(error));
  }
}

/** A frame, or null for whatever is not one. */
function parse(data) {
  if (typeof data !== 'string') return null;
  try {
    const frame = JSON.parse(data);
    return typeof frame?.event === 'string' && frame.payload && typeof frame.payload === 'object' ? frame : null;
  } catch {
    return null;
  }
}

function defaultUrl() {
  const { protocol, host } = globalThis.location ?? { protocol: 'http:', host: '127.0.0.1:8080' };
  return `${protocol === 'https:' ? 'wss:' : 'ws:'}//${host}/ws`;
}
