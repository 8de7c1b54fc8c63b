// What every kind of client can do. A kind knows its library; tests know only this.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { Inbox } from '../../../kit/inbox.mjs';
import { PATIENCE, within } from '../../../kit/patience.mjs';

/** The statuses that matter, in one word each. */
const STATUSES = {
  connected: '@connected',
  PNConnectedCategory: '@connected',
  reconnected: '@reconnected',
  PNReconnectedCategory: '@reconnected',
  disconnected: '@disconnected',
  PNUnexpectedDisconnectCategory: '@disconnected',
  PNNetworkIssuesCategory: '@disconnected',
  PNNetworkDownCategory: '@disconnected',
  PNAccessDeniedCategory: '@denied',
  PNBadRequestCategory: '@refused',
};

/**
 * What comes, whatever the library: `@connected` (again whenever something more was subscribed to), `@reconnected`, `@disconnected`, `@denied`, `@refused`
 * (each with `channels`, `groups`), `@presence` {action, channel, subscription, uuid, occupancy, state, join, leave, timeout, tt},
 * `@message` and `@signal` {channel, subscription, message, publisher, meta, tt}. Names of presence channels come without `-pnpres`, as libraries give them.
 *
 * How a client is made: `user`, `timeout` and `interval` of its heartbeats, `auth`, `secretKey`, `filter`, `reconnect`, and each kind's own.
 */
export class Client {
  #seen = new Set();
  #fences = new Map();
  /** All statuses, as the library says them. */
  statuses = [];

  constructor(kind, name, options) {
    this.kind = kind;
    this.name = `${kind.name} ${name}`;
    this.user = name;
    this.options = options;
    this.inbox = new Inbox(this.name);
  }

  /** Called by a kind for everything that comes. */
  came(event, payload) {
    if (event === '@status') return this.#status(payload);
    const { channel, subscription, tt, message, action, uuid } = payload;
    // A poll that the SDK has abandoned answers as well, and what it says is told twice.
    const isTold = JSON.stringify([event, channel, subscription, tt, action, uuid, message]);
    if (tt !== undefined && this.kind.name === 'Py' && this.#seen.has(isTold)) return;
    this.#seen.add(isTold);
    const fence = message?.fence ?? (action === 'state-change' && uuid.startsWith('fence-') ? uuid : undefined);
    if (fence !== undefined) return this.#fences.get(fence)?.();
    this.inbox.put(event, withoutSuffix(payload));
  }

  #status(status) {
    this.statuses.push(status);
    const failed = { 403: '@denied', 400: '@refused' }[status.error?.status];
    const event = status.category === 'failed' ? failed : STATUSES[status.category];
    if (event) this.inbox.put(event, { ...status, ...status.error });
  }

  next(event, pattern, patience) {
    return this.inbox.next(event, pattern, patience);
  }

  /** Takes the next presence event of this kind, about this user if one is named. */
  sees(action, uuid, more = {}, patience = PATIENCE.event) {
    return this.next('@presence', { action, ...(uuid !== undefined && { uuid }), ...more }, patience);
  }

  /** Subscribes, and waits until the library says that it is so. */
  async subscribe(names) {
    await this.call('subscribe', names);
    return this.next('@connected');
  }

  unsubscribe(names) {
    return this.call('unsubscribe', names);
  }

  /** Waits for something that is said with this name. It is begun before the thing is said. */
  passes(fence) {
    const come = new Promise((resolve) => this.#fences.set(fence, resolve));
    const has = () => `the fence ${fence} for ${this.name}, who has ${inspect(this.inbox.arrivals.slice(-10), { depth: 5, breakLength: 200 })}`;
    return within(PATIENCE.event, has, come);
  }

  /** Nothing has come that was not taken: to be asked behind a fence. */
  hasNothing(what = '') {
    const came = this.inbox.arrivals.filter(({ event }) => event !== '@connected');
    assert.deepEqual(came, [], `${this.name} ${what} is to have nothing, but has ${inspect(came, { depth: 6 })}`);
  }

  /** Every presence event that ever came, in few words: `join ben 2`. */
  get seen() {
    const presences = this.inbox.history.filter(({ event }) => event === '@presence');
    return presences.map(({ payload: { action, uuid, occupancy } }) => [action, uuid, occupancy].filter((word) => word !== undefined && word !== null).join(' '));
  }

  async dispose() {}
}

/** Libraries differ in whether they give the names of presence channels with their suffix. */
function withoutSuffix(payload) {
  const cut = (name) => (typeof name === 'string' ? name.replace(/-pnpres$/, '') : name);
  return { ...payload, channel: cut(payload.channel), subscription: cut(payload.subscription) };
}
