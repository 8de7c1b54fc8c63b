// A Pusher Channels client with the face of presence-client.js: one connection, any number of presence channels.

/*
 *   import { createPusherHub } from './pusher-client.js';
 *
 *   const hub = createPusherHub({ key: 'app-key', authorize: (socketId, channel) => askYourBackend(socketId, channel) });
 *   const room = hub.topic('presence-room-1');              // subscribes: you see others, and they see you
 *   room.on('sync', ({ members }) => draw(members));
 *   await room.say('hello');                                // a client event
 *
 * It speaks protocol 7 and nothing of this hub's own, so that it shows what Pusher's protocol can say. What that cannot
 * say is missing: states of members, causes of leaves, and watching without being present.
 */

import { Emitter, HubError } from './presence-emitter.js';
import { PusherTopic } from './pusher-topic.js';

/** Milliseconds of patience. */
const PATIENCE = {
  handshake: 10_000, // from opening to the first frame
  quiet: 10_000, // without any frame, then ask for one
  answer: 4_000, // to that, then the connection is stale
  stale: 10_000, // then it is given up
};

const BASE_MS = 1_000;
const CAP_MS = 30_000;

/**
 * @typedef {object} PusherOptions
 * @property {string} key The app's key.
 * @property {(socketId: string, channel: string) => Promise<{auth: string, channel_data: string}>} authorize Asks the app's
 *   backend to sign a subscription.
 * @property {string} [url] Where the hub is, without a path; by default the page's own origin.
 * @property {typeof globalThis.WebSocket} [WebSocket] Another transport class.
 * @property {() => number} [random] Another source of numbers in [0, 1).
 */

/**
 * Makes a hub and starts to connect.
 * @param {PusherOptions} options
 * @returns {PusherHub}
 */
export function createPusherHub(options) {
  const hub = new PusherHub(options);
  queueMicrotask(() => hub.connect());
  return hub;
}

/** One connection. Events: `state` (as presence-client.js tells it), `error` (HubError). */
export class PusherHub extends Emitter {
  #options;
  #socket = null;
  #socketId = null;
  #topics = new Map();
  #attempt = 0;
  #closed = false;
  #refusal = null;
  #retryTimer;
  #silenceTimer;
  #state = { state: 'offline', retryAt: null };

  /** The party that the connection is present as; null before the first subscription. */
  me = null;

  /** Nothing is known of the hub. */
  about = null;

  /** @param {PusherOptions} options */
  constructor({ key, authorize, url = defaultUrl(), WebSocket = globalThis.WebSocket, random = Math.random }) {
    super();
    const address = `${url}/app/${encodeURIComponent(key)}?protocol=7&client=js-presence-hub-demo&version=1.0.0`;
    this.#options = { address, authorize, WebSocket, random };
  }

  get state() {
    return this.#state.state;
  }

  /** A presence channel, subscribed to from now on. @param {string} name @returns {PusherTopic} */
  topic(name) {
    const known = this.#topics.get(name);
    if (known) return known;
    const topic = new PusherTopic(name, {
      send: (frame) => this.#send(frame),
      sign: () => this.#options.authorize(this.#socketId, name),
      socketId: () => this.#socketId,
      isMe: (party) => (this.me = party),
      partyId: () => this.me?._id,
      forget: () => this.#topics.delete(name),
    });
    this.#topics.set(name, topic);
    if (this.#isUsable()) topic.attach();
    return topic;
  }

  /** Connects now, whatever the backoff says. Does nothing while connected or connecting. */
  connect() {
    if (this.#socket) return;
    clearTimeout(this.#retryTimer);
    this.#closed = false;
    this.#open();
  }

  /** Stays offline. The hub announces the leaves after its grace. */
  close() {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    if (this.state !== 'offline' || this.#state.retryAt !== null) this.#lose({ code: 1000, reason: 'closed here' });
  }

  /** Comes again as a party that calls itself otherwise. The protocol has no word for that, so it leaves first. */
  renew() {
    for (const topic of this.#topics.values()) topic.detach({ says: true });
    this.close();
    this.#attempt = 0;
    this.connect();
  }

  // --- one connection's life ---

  #open() {
    this.#setState({ state: 'connecting' });
    this.#refusal = null;
    let socket;
    try {
      socket = new this.#options.WebSocket(this.#options.address);
    } catch (error) {
      this.#lose({ code: 1006, reason: error.message });
      return;
    }
    this.#socket = socket;
    this.#silenceTimer = setTimeout(() => this.#lose({ code: 1006, reason: 'no answer' }), PATIENCE.handshake);
    const whileCurrent = (act) => (event) => socket === this.#socket && act(event);
    socket.addEventListener('message', whileCurrent(({ data }) => this.#receive(data)));
    socket.addEventListener('close', whileCurrent(({ code, reason }) => this.#lose({ code: code || 1006, reason })));
  }

  #lose({ code, reason = '' }) {
    const socket = this.#socket;
    this.#socket = null;
    this.#socketId = null;
    clearTimeout(this.#silenceTimer);
    if (socket && socket.readyState <= 1) socket.close(code === 1000 ? 1000 : undefined);
    const delay = this.#closed ? null : delayAfter(this.#refusal?.code ?? code, this.#attempt, this.#options.random);
    this.#attempt += 1;
    if (delay !== null) this.#retryTimer = setTimeout(() => this.connect(), delay);
    const retryAt = delay === null ? null : Date.now() + delay;
    this.#setState({ state: 'offline', code, reason: this.#refusal?.message ?? reason, retryAt });
    for (const topic of this.#topics.values()) topic.detach();
  }

  #receive(text) {
    if (this.state === 'stale') this.#setState({ state: 'online' });
    if (this.#isUsable()) this.#awaitSilence();
    const frame = readFrame(text);
    switch (frame?.event) {
      case undefined:
        return;
      case 'pusher:connection_established':
        return this.#established(frame.data);
      case 'pusher:ping':
        return this.#send({ event: 'pusher:pong', data: {} });
      case 'pusher:pong':
        return;
      case 'pusher:error':
        return this.#refused(frame.data);
      default:
        return this.#topics.get(frame.channel)?.receive(frame);
    }
  }

  #established(data) {
    if (typeof data?.socket_id !== 'string' || this.#isUsable()) return;
    this.#socketId = data.socket_id;
    this.#attempt = 0;
    this.#setState({ state: 'online' });
    this.#awaitSilence();
    for (const topic of [...this.#topics.values()]) topic.attach();
  }

  /** With a code up to 4299 the connection ends, and its close says so; otherwise one request was refused. */
  #refused(data) {
    const code = Number.isInteger(data?.code) ? data.code : null;
    const message = typeof data?.message === 'string' ? data.message : 'refused';
    if (code !== null && code < 4300) this.#refusal = { code, message };
    else this.emit('error', new HubError(code === 4301 ? 'too.fast' : 'refused', message));
  }

  // --- is anybody there? A browser never shows a page the hub's pings, so the page must ask. ---

  #awaitSilence() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#probe(), PATIENCE.quiet);
  }

  #probe() {
    this.#send({ event: 'pusher:ping', data: {} });
    this.#silenceTimer = setTimeout(() => {
      this.#setState({ state: 'stale' });
      this.#silenceTimer = setTimeout(() => this.#lose({ code: 1006, reason: 'silence' }), PATIENCE.stale);
    }, PATIENCE.answer);
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
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }
}

/**
 * What the protocol asks of a client after a close: milliseconds, or null for never.
 * @param {number} code
 * @param {number} attempt How many attempts have failed in a row.
 * @param {() => number} random
 */
export function delayAfter(code, attempt, random = Math.random) {
  if ((code >= 4000 && code < 4100) || code >= 4300) return null;
  if (code >= 4200 && attempt === 0) return 0;
  return BASE_MS + Math.floor(random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 16)));
}

/** A frame whose data is read where it is JSON in a string; null for whatever is no frame. */
export function readFrame(text) {
  const frame = readJson(text);
  if (typeof frame?.event !== 'string') return null;
  const data = typeof frame.data === 'string' ? (readJson(frame.data) ?? frame.data) : frame.data;
  return { ...frame, data, text: frame.data };
}

function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function defaultUrl() {
  const { protocol, host } = globalThis.location ?? { protocol: 'http:', host: '127.0.0.1:8080' };
  return `${protocol === 'https:' ? 'wss:' : 'ws:'}//${host}`;
}
