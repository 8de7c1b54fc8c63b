// What every kind of client can do. A kind knows its library; tests know only this.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { Inbox } from '../../../kit/inbox.mjs';

/** Channels that are subscribed to only so that the hub answers begin with this. */
const FENCE = 'fence-';

/**
 * What comes, whatever the library: `@connected` {socketId}, `@disconnected` {code}, `@error` {code, message} (a `pusher:error`),
 * `@subscribed` {channel, count, ids}, `@added` and `@removed` {channel, id, info}, `@count` {channel, count}, `@signin`,
 * `@online` and `@offline` (lists of ids), and each event of a channel by its own name {channel, data, user}.
 * Libraries that hand texts over unread have them read by their kinds, which fail when it is no text.
 *
 * How a client connects: `user` (what the application's endpoint is told), `listen` (events besides those of the protocol, for
 * libraries that cannot listen to all), and each kind's own.
 */
export class Client {
  #fences = 0;
  /** The last number of subscribers that a channel was said to have. */
  counts = {};

  constructor(kind, name, wire, options) {
    this.kind = kind;
    this.name = `${kind.name} ${name}`;
    this.wire = wire;
    this.options = options;
    this.inbox = new Inbox(this.name);
    /** How often the library said that it connected. */
    this.connects = 0;
  }

  /** Called by a kind for everything that comes. */
  came(event, payload) {
    if (payload?.channel?.startsWith(FENCE)) return this.fenced?.(event, payload);
    if (event === '@connected') {
      this.connects += 1;
      this.socketId = payload.socketId;
    }
    if (event === '@count') this.counts[payload.channel] = payload.count;
    if (event === '@count' && !this.options.listen?.includes('@count')) return;
    this.inbox.put(event, payload);
  }

  next(event, pattern, patience) {
    return this.inbox.next(event, pattern, patience);
  }

  async connected() {
    await this.next('@connected');
    return this;
  }

  /** Subscribes, and waits until it is so. */
  async subscribe(channel) {
    await this.saySubscribe(channel);
    return this.next('@subscribed', { channel });
  }

  /** Waits until the hub has answered everything said before. It takes two questions: what the first one's turn changed is sent at its end. */
  async fence() {
    for (let n = 0; n < 2; n += 1) {
      this.#fences += 1;
      const channel = `${FENCE}${this.kind.name}-${this.#fences}`;
      const answer = new Promise((resolve) => {
        this.fenced = (event, payload) => event === '@subscribed' && payload.channel === channel && resolve();
      });
      await this.saySubscribe(channel);
      await answer;
      await this.unsubscribe(channel);
    }
  }

  /** Nothing came that was not taken, and everything that was to come has come. */
  async isQuiet(what = '') {
    await this.fence();
    const came = this.inbox.arrivals;
    assert.deepEqual(came, [], `${this.name} ${what} is to have nothing, but has ${inspect(came, { depth: 6 })}`);
  }

  async dispose() {
    await this.wire?.close();
  }
}

/** Fences first those who spoke, then those who listen; afterwards everybody has what was sent to them. */
export async function settle(...clients) {
  await Promise.all(clients.map((client) => client.fence()));
  await Promise.all(clients.map((client) => client.fence()));
}
