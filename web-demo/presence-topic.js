// One topic as this page sees it: its roster, kept consistent, and what this page itself says of its party.

import { Emitter, HubError } from './presence-emitter.js';

const PREFIX = 'app.event.presence.';
const TYPING_EVERY_MS = 2_000;
const TOO_FAST_PAUSE_MS = 1_000;
const CALM_MS = 1_000;
const REPLAY_MS = 100;

/** Parts of a content that say nothing about the party: the hub ignores them too when it compares. */
const VOLATILE = new Set(['sessionId', 'subscribeTime', 'joinTime', 'joinedSessionIds']);

/**
 * @typedef {object} Party As the hub stamped it; never what a peer claimed.
 * @property {string} _id
 * @property {'user' | 'anonymous' | 'phone' | 'bot'} type
 * @property {string} displayname
 * @property {string} [username]
 * @property {string} [picture_url]
 *
 * @typedef {object} Member
 * @property {string} id
 * @property {Party} party
 * @property {Record<string, any>} content What the party's session that spoke last said.
 * @property {number} sessions How many of its devices or tabs are attached now.
 * @property {string} [joined] The timetoken of its join.
 *
 * @typedef {object} Mark Where a change stands in its topic.
 * @property {string} epoch
 * @property {number} rev
 *
 * @typedef {'detached' | 'subscribing' | 'live' | 'removed' | 'refused' | 'closed'} TopicState
 */

/**
 * Events, each with `rev` and `epoch` where the hub gave them:
 * - `sync` `{members, resumed}`: the list as it is now; after the first subscription and after every reconnect or gap
 * - `join` `{member}`, `update` `{member, before}`, `leave` `{member, cause, lastHeard, by}`
 * - `message` `{id, text, sender, created, mine}`, `typing` `{party}`
 * - `removed` `{}`: somebody removed this party; `rejoin()` asks to come back
 * - `occupancy` `{parties, sessions, watchers}`, `relay` `{category, content, sender}`, `error` HubError
 *
 * `sync`, `join`, `update` and `leave` are emitted after `members` has changed, never in between.
 */
export class Topic extends Emitter {
  #link;
  #mark = null;
  #replayEnd = null;
  #gaps = 0;
  #repairedAt = -Infinity;
  #wanted = null;
  #version = 0;
  #acknowledged = 0;
  #announced = 0;
  #announcing = false;
  #waiting = [];
  #typedAt = -Infinity;

  /** @type {TopicState} */
  state = 'detached';

  /** Who is present, by `_id`. Read it; the hub's frames are its only writer. @type {Map<string, Member>} */
  members = new Map();

  /**
   * Topics are made by `hub.topic(name)`.
   * @param {string} name
   * @param {object} link What a topic needs of its connection.
   */
  constructor(name, link) {
    super();
    this.name = name;
    this.#link = link;
  }

  /** What this page says of its party, or null while it only watches. */
  get tracked() {
    return this.#wanted;
  }

  /** The last `(epoch, rev)` seen, or null before the first list. @returns {Mark | null} */
  get mark() {
    return this.#mark;
  }

  /** This page's own member, if it is present. @returns {Member | undefined} */
  get self() {
    return this.members.get(this.#link.partyId());
  }

  /**
   * Is present from now on, also after reconnects, saying this. Resolves when the hub has ordered it.
   * @param {Record<string, any>} content
   * @returns {Promise<void>}
   */
  track(content) {
    this.#wanted = { offline: false, idle: false, desktop: true, ...content };
    this.#version += 1;
    const version = this.#version;
    const done = new Promise((resolve, reject) => this.#waiting.push({ version, resolve, reject }));
    void this.#announce();
    return done;
  }

  /**
   * Merges into what is tracked; `mediaSession` is merged member by member. Saying nothing new sends nothing.
   * @param {Record<string, any>} partial
   * @returns {Promise<void>}
   */
  set(partial) {
    if (this.#wanted === null) return Promise.reject(new HubError('not.present', 'track before you set'));
    const before = this.#wanted;
    const next = { ...before, ...partial };
    if (partial.mediaSession) next.mediaSession = { ...before.mediaSession, ...partial.mediaSession };
    return this.#announced === this.#version && sameContent(before, next) ? Promise.resolve() : this.track(next);
  }

  /** Stops being present, and watches on. Offline, it leaves the announcement to the hub's grace. */
  async leave() {
    this.#forgetOwn(new HubError('left', 'left the topic'));
    if (this.state !== 'live') return;
    const leaving = { category: `${PREFIX}party.leaves`, topicId: this.name, content: { offline: true } };
    await this.#link.request('SEND_PRESENCE_EVENT', leaving).catch(unlessLost);
  }

  /** Stops watching, and with it being present; the topic object is of no use afterwards. */
  async unwatch() {
    const wasAttached = this.state !== 'detached';
    this.#forgetOwn(new HubError('left', 'stopped watching the topic'));
    this.state = 'closed';
    this.#link.forget();
    if (wasAttached) await this.#link.request('UNSUBSCRIBE_CHANNEL', { channel: this.#address() }).catch(unlessLost);
  }

  /** Watches again after having been removed or refused. */
  rejoin() {
    if (this.state !== 'removed' && this.state !== 'refused') return;
    this.state = 'detached';
    this.#mark = null;
    this.attach();
  }

  /**
   * Says something to everybody who watches. Resolves when the hub has ordered it; never sent twice.
   * @param {string} text
   * @returns {Promise<void>}
   */
  say(text) {
    this.#typedAt = -Infinity; // what comes next is typing anew
    return this.#link.request('SEND_MESSAGE', { category: 'chat', topicId: this.name, content: { bodyText: text } });
  }

  /** Tells the others that this party is typing, at most every two seconds. */
  typing() {
    const now = Date.now();
    if (this.state !== 'live' || now - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = now;
    this.#link.send('SEND_PRESENCE_EVENT', { category: 'party.typing', topicId: this.name, content: {} });
  }

  // === called by the hub ===

  /** The connection stands: subscribes, resuming where it can. @package */
  attach() {
    if (this.state === 'closed' || this.state === 'removed') return;
    this.#announced = 0;
    this.#gaps = 0;
    void this.#subscribe();
  }

  /** The connection is gone. The list stays as it was, until the next `sync`. @package */
  detach() {
    if (this.state === 'live' || this.state === 'subscribing') this.state = 'detached';
    this.#announced = 0;
  }

  /** A frame of this topic. @package */
  receive(frame) {
    switch (frame.event) {
      case 'CHANNEL_SUBSCRIBED':
        return this.#subscribed(frame);
      case 'CHANNEL_UNSUBSCRIBED':
        return this.#unsubscribed();
      case 'SEND_MESSAGE_FAILED':
        return; // its ACK says the same to whoever waits
      default:
        if (this.state === 'live' && this.#follows(frame)) this.#apply(frame);
    }
  }

  // === subscribing: snapshots, resumes and gaps ===

  async #subscribe() {
    this.state = 'subscribing';
    // A gap is first repaired by a replay, which loses no message; a gap in that, by a whole new list.
    const since = this.#gaps < 2 ? this.#mark : null;
    try {
      await this.#link.request('SUBSCRIBE_CHANNEL', { channel: this.#address(), ...(since && { hub: { since } }) });
    } catch (error) {
      if (this.state !== 'subscribing' || isLoss(error)) return;
      if (error.code === 'too.fast') return void setTimeout(() => this.#subscribeAgain(), TOO_FAST_PAUSE_MS);
      this.state = 'refused';
      this.emit('error', error);
    }
  }

  #subscribeAgain() {
    if (this.state === 'subscribing') void this.#subscribe();
  }

  #subscribed({ payload, epoch, rev }) {
    if (this.state === 'closed') return;
    const { resumed = false, roster, occupancy } = payload.hub ?? {};
    if (resumed && this.#mark) {
      this.#replayEnd = rev; // the missed frames come next, and follow what we have
    } else {
      this.#mark = { epoch, rev };
      this.#replayEnd = null;
      this.#gaps = 0;
      this.members = new Map(readRoster(roster).map((member) => [member.id, member]));
    }
    this.state = 'live';
    this.#adopt(this.self?.content);
    this.emit('sync', { members: [...this.members.values()], resumed, occupancy, ...this.#mark });
    // Another tab of ours may have spoken meanwhile: its words are in the replay, and ours must not undo them.
    if (resumed) setTimeout(() => this.#announce(), REPLAY_MS);
    else void this.#announce();
  }

  #unsubscribed() {
    if (this.state !== 'live') return; // the answer to our own request
    this.#forgetOwn(new HubError('removed', 'removed from the topic'));
    this.state = 'removed';
    this.emit('removed', {});
  }

  /** Whether a frame is the next one (or none of the topic's changes at all). If not, repairs the gap. */
  #follows({ epoch, rev, prev }) {
    if (rev === undefined) return true;
    const { epoch: known, rev: last } = this.#mark;
    // At rev 0 nothing has happened yet: the first change of any epoch follows it.
    const isFirst = last === 0 && prev === 0;
    const isNext = isFirst || (epoch === known && (prev === last || prev === this.#replayEnd));
    if (isNext) {
      this.#mark = { epoch, rev };
      if (rev >= this.#replayEnd) this.#replayEnd = null;
      return true;
    }
    this.#repair();
    return false;
  }

  #repair() {
    const wait = Date.now() - this.#repairedAt < CALM_MS ? CALM_MS : 0;
    this.#repairedAt = Date.now();
    this.#gaps += 1;
    this.state = 'subscribing';
    if (wait > 0) setTimeout(() => this.#subscribeAgain(), wait);
    else void this.#subscribe();
  }

  // === applying one frame ===

  #apply(frame) {
    const { event, payload } = frame;
    if (event === 'MESSAGE_SENT') return this.#applyMessage(frame);
    switch (payload.category) {
      case `${PREFIX}party.online`:
        return this.#applyOnline(frame);
      case `${PREFIX}party.leaves`:
        return this.#applyLeave(frame, payload.sender?._id, payload.hub?.cause ?? 'left');
      case 'party.removed':
        return this.#applyLeave(frame, payload.content?.attendee?.attendee, payload.hub?.cause ?? 'kicked', payload.sender);
      case 'party.typing':
        if (isParty(payload.sender)) this.emit('typing', { party: payload.sender });
        return;
      case 'hub.presence.interval':
        return this.emit('occupancy', payload.hub?.occupancy ?? {});
      case 'media.session.invalid':
        return this.emit('error', HubError.from(payload.hub?.error));
      default:
        this.emit('relay', { category: payload.category, content: payload.content, sender: payload.sender });
    }
  }

  #applyOnline({ payload, epoch, rev, timetoken }) {
    const { sender, content, hub } = payload;
    if (rev === undefined || !isParty(sender)) return; // without a rev it is an answer to a question, not a change
    const before = this.members.get(sender._id);
    const member = {
      id: sender._id,
      party: sender,
      content: content ?? {},
      sessions: hub?.sessions ?? before?.sessions ?? 1,
      joined: before?.joined ?? timetoken,
    };
    this.members.set(member.id, member);
    if (member.id === this.#link.partyId() && content?.sessionId !== this.#link.sessionId()) this.#adopt(content);
    if (!before) this.emit('join', { member, epoch, rev });
    else if (!sameMember(before, member)) this.emit('update', { member, before, epoch, rev });
  }

  #applyLeave({ payload, epoch, rev }, id, cause, by) {
    const member = this.members.get(id);
    if (!member) return;
    this.members.delete(id);
    this.emit('leave', { member, cause, by, lastHeard: payload.hub?.lastHeard, epoch, rev });
  }

  #applyMessage({ payload, epoch, rev }) {
    const { _id: id, category, content, sender, created } = payload;
    if (category !== 'chat' || !isParty(sender) || typeof content?.bodyText !== 'string') return;
    const mine = sender._id === this.#link.partyId();
    this.emit('message', { id, text: content.bodyText, sender, created, mine, epoch, rev });
  }

  // === saying who we are ===

  /** Takes over what another tab of the same party said, unless this page has something newer to say. */
  #adopt(content) {
    if (!content || this.#wanted === null || this.#acknowledged !== this.#version) return;
    const { sessionId, ...rest } = content;
    this.#wanted = rest;
  }

  /** Sends what is wanted until the hub has it: one frame at a time, so a burst of changes costs two. */
  async #announce() {
    if (this.#announcing) return;
    this.#announcing = true;
    while (this.state === 'live' && this.#wanted !== null && this.#announced !== this.#version) {
      const version = this.#version;
      try {
        await this.#link.request('SEND_PRESENCE_EVENT', {
          category: `${PREFIX}party.online`,
          topicId: this.name,
          content: this.#wanted,
        });
        this.#accept(version);
      } catch (error) {
        if (isLoss(error)) break; // attaching announces again
        if (error.code === 'too.fast') await new Promise((resolve) => setTimeout(resolve, TOO_FAST_PAUSE_MS));
        else this.#accept(version, error);
      }
    }
    this.#announcing = false;
  }

  #accept(version, error) {
    this.#announced = version;
    this.#acknowledged = version;
    const settled = this.#waiting.filter((waiting) => waiting.version <= version);
    this.#waiting = this.#waiting.filter((waiting) => waiting.version > version);
    for (const { resolve, reject } of settled) error ? reject(error) : resolve();
  }

  #forgetOwn(error) {
    this.#wanted = null;
    this.#version += 1;
    this.#accept(this.#version, error);
  }

  #address() {
    return { type: 'topic', _id: this.name };
  }
}

/** The members of a snapshot; whatever is malformed is left out. */
function readRoster(roster) {
  if (!Array.isArray(roster)) return [];
  return roster
    .filter((entry) => isParty(entry?.user))
    .map(({ user, content, hub }) => ({
      id: user._id,
      party: user,
      content: content ?? {},
      sessions: hub?.sessions ?? 1,
      joined: hub?.joined,
    }));
}

function isLoss(error) {
  return error.code === 'connection.lost' || error.code === 'offline';
}

/** Leaving needs no connection: without one, the hub's grace does it. */
function unlessLost(error) {
  if (!isLoss(error)) throw error;
}

function isParty(value) {
  return typeof value?._id === 'string';
}

function sameMember(a, b) {
  return a.sessions === b.sessions && canonical(a.party) === canonical(b.party) && sameContent(a.content, b.content);
}

/** Whether two contents say the same of a party, whatever the order of their keys. */
export function sameContent(a, b) {
  return canonical(a) === canonical(b);
}

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!value || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const keys = Object.keys(value).filter((key) => !VOLATILE.has(key) && value[key] !== undefined);
  return `{${keys.sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
}
