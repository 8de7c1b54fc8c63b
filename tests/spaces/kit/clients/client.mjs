// What every kind of client can do. A kind knows its library; tests know only this.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { Inbox } from '../../../kit/inbox.mjs';

/** The events that the hub sends. Libraries of the time have no way to listen to all. */
export const EVENTS = [
  'CHANNEL_SUBSCRIBED',
  'SUBSCRIBE_CHANNEL_FAILED',
  'CHANNEL_UNSUBSCRIBED',
  'PRESENCE_EVENT_RESPONSE',
  'MESSAGE_SENT',
  'SEND_MESSAGE_FAILED',
  'MEDIA_SESSION_RESPONSE',
  'APP_PAIRING_AUTHORIZED',
  'ERROR',
];

const ONLINE = 'app.event.presence.party.online';
const FENCE = 'only-to-be-answered-about';

export const channel = (topic, more = {}) => ({ channel: { type: 'topic', _id: topic }, ...more });

/**
 * How a client connects:
 * `token`, `tokenType` (undefined: left out), `tokenIn` (`query`: as the library does; `auth`: the auth object of Engine.IO 4; by hand also
 * `url`, `connect`: one of both places), `transports` (`websocket`, `polling` or `default`, which polls and upgrades), `namespace`, `query`
 * (further pairs), `headers` (by hand), `url` (the whole of it, past the wire; in JavaScript), `reconnection` (true), and `presence` ({topic, content}): whether the client
 * subscribes in its `connect` handler and says its presence when it is subscribed, as the samples do.
 */
export const USUAL = { tokenType: 'jwt', tokenIn: 'query', transports: 'websocket', namespace: '/chat', query: {} };

export class Client {
  #fences = 0;

  constructor(kind, person, wire, options) {
    this.kind = kind;
    this.person = person;
    this.wire = wire;
    this.options = { ...USUAL, token: person?.token, ...options };
    this.name = `${kind.name} ${person?.id ?? 'nobody'}`;
    this.inbox = new Inbox(this.name);
    /** How often the library said that it connected. */
    this.connects = 0;
  }

  // --- what a kind does ---

  /** Begins to connect; what comes of it is `@connect`, `@error` or `@connect_error`. */
  open() {
    throw new Error(`${this.name} cannot open`);
  }

  emit(event, payload) {
    throw new Error(`${this.name} cannot emit ${event} ${payload}`);
  }

  /** Closes as the library's user does. */
  close() {
    throw new Error(`${this.name} cannot close`);
  }

  /** Whatever has to be undone after a test. */
  async dispose() {
    await this.wire.close();
  }

  // --- what came ---

  /** Called by a kind for everything that comes. */
  came(event, payload) {
    if (event === '@connect') this.connects += 1;
    this.inbox.put(event, payload);
    const { presence } = this.options;
    if (presence === undefined) return;
    if (event === '@connect') this.emit('SUBSCRIBE_CHANNEL', channel(presence.topic));
    if (event === 'CHANNEL_SUBSCRIBED') this.sayOnline(presence.topic, presence.content);
  }

  next(event, pattern, patience) {
    return this.inbox.next(event, pattern, patience);
  }

  /** The next presence event of a category (its last part is enough), by a party if one is given. */
  hears(category, by, pattern = {}, patience = undefined) {
    const isIt = (name) => name === category || name.endsWith(`.${category}`);
    const sender = by === undefined ? {} : { sender: { _id: by.person?.id ?? by.id } };
    return this.next('PRESENCE_EVENT_RESPONSE', { category: isIt, ...sender, ...pattern }, patience);
  }

  // --- what it does ---

  async connected() {
    await this.next('@connect');
    return this;
  }

  async subscribe(topic, more = {}) {
    this.emit('SUBSCRIBE_CHANNEL', channel(topic, more));
    return this.next('CHANNEL_SUBSCRIBED', { channel: { _id: topic } });
  }

  sayOnline(topic, content = {}, more = {}) {
    this.emit('SEND_PRESENCE_EVENT', { category: ONLINE, topicId: topic, content, ...more });
  }

  /** Says its presence and waits for the echo. */
  async online(topic, content = {}, more = {}) {
    this.sayOnline(topic, content, more);
    return this.hears('party.online', this, { topicId: topic });
  }

  sayLeaves(topic, content = { idle: true, offline: true }) {
    this.emit('SEND_PRESENCE_EVENT', { category: 'app.event.presence.party.leaves', topicId: topic, content });
  }

  /** Waits until the hub has answered everything said before. It takes two questions: what the first one's turn changed is sent at its end. */
  async fence() {
    for (let n = 0; n < 2; n += 1) {
      this.#fences += 1;
      const name = `${FENCE}-${this.#fences}`;
      this.emit('UNSUBSCRIBE_CHANNEL', channel(name));
      await this.next('CHANNEL_UNSUBSCRIBED', { channel: { _id: name } });
    }
  }

  /** Nothing came that was not taken, and everything that was to come has come. */
  async isQuiet(what = '') {
    await this.fence();
    const came = this.inbox.arrivals;
    assert.deepEqual(came, [], `${this.name} ${what} is to have nothing, but has ${inspect(came, { depth: 6 })}`);
  }
}

/** Fences first those who spoke, then those who listen; afterwards everybody has what was sent to them. */
export async function settle(...clients) {
  await Promise.all(clients.map((client) => client.fence()));
  await Promise.all(clients.map((client) => client.fence()));
}
