// One presence channel of Pusher's protocol, with the face of a topic of presence-topic.js.

import { Emitter, HubError } from './presence-emitter.js';

/** The event that this page's messages are. Other dialects show its data, so that is the text itself. */
const MESSAGE = 'client-message';

const KINDS = new Set(['user', 'anonymous', 'phone', 'bot']);

/**
 * Events: `sync` `{members, resumed}`, `join` `{member}`, `leave` `{member}`, `message` `{id, text, sender, created, mine}`,
 * `typing` `{party}`, `removed` `{}`, `error` HubError. Subscribing is being present, so `leave()` shows nobody any more.
 */
export class PusherTopic extends Emitter {
  #link;
  #turn = 0;
  #said = 0;

  /** @type {'detached' | 'subscribing' | 'live' | 'left' | 'removed' | 'refused' | 'closed'} */
  state = 'detached';

  /** Who is present, by `_id`. */
  members = new Map();

  /** The protocol has no revisions. */
  mark = null;

  /** @param {string} name @param {object} link What a channel needs of its connection. */
  constructor(name, link) {
    super();
    this.name = name;
    this.#link = link;
  }

  /** What this page says of its party: only that it is there. */
  get tracked() {
    return this.state === 'live' ? {} : null;
  }

  get self() {
    return this.members.get(this.#link.partyId());
  }

  /** Whoever is subscribed is present. */
  async track() {
    this.rejoin();
  }

  /** Members say nothing of themselves after they have come. */
  async set() {}

  /** The protocol has no event for it that other dialects would know. */
  typing() {}

  /** Is no longer present, and so sees nobody. */
  async leave() {
    this.#end('left');
    this.emit('sync', { members: [], resumed: false });
  }

  /** Ends the subscription; the object is of no use afterwards. */
  async unwatch() {
    this.#end('closed');
    this.#link.forget();
  }

  /** Subscribes again after having left, been removed or refused. */
  rejoin() {
    if (!['left', 'removed', 'refused'].includes(this.state)) return;
    this.state = 'detached';
    if (this.#link.socketId()) this.attach();
  }

  /** Says something to everybody else. Nobody acknowledges a client event. */
  async say(text) {
    const isSent = this.state === 'live' && this.#link.send({ event: MESSAGE, channel: this.name, data: text });
    if (!isSent) throw new HubError('offline', 'not subscribed');
    this.#said += 1;
    this.emit('message', { id: `own-${this.#said}`, text, sender: this.self.party, mine: true });
  }

  // === called by the connection ===

  /** The connection stands: subscribes. @package */
  async attach() {
    if (this.state !== 'detached' && this.state !== 'refused') return;
    this.state = 'subscribing';
    const turn = (this.#turn += 1);
    try {
      const signed = await this.#link.sign();
      if (turn !== this.#turn) return; // of a connection that is gone
      this.#link.isMe(partyOf(JSON.parse(signed.channel_data)));
      const { auth, channel_data } = signed;
      this.#link.send({ event: 'pusher:subscribe', data: { channel: this.name, auth, channel_data } });
    } catch (error) {
      if (turn !== this.#turn) return;
      this.state = 'refused';
      this.emit('error', new HubError('not.authorized', error.message));
    }
  }

  /** The connection is gone, or is about to go and is to say so first. The list stays as it was, until the next `sync`. @package */
  detach({ says = false } = {}) {
    if (this.state !== 'live' && this.state !== 'subscribing') return;
    if (says) this.#end('detached');
    this.#turn += 1;
    this.state = 'detached';
  }

  /** A frame of this channel. @package */
  receive({ event, data, text, user_id: from }) {
    switch (event) {
      case 'pusher_internal:subscription_succeeded':
        return this.state === 'subscribing' && this.#subscribed(data?.presence);
      case 'pusher_internal:member_added':
        return this.#added(data);
      case 'pusher_internal:member_removed':
        return this.#removed(data);
      case 'pusher:subscription_error':
        return this.#refused();
      case MESSAGE:
        return this.#message(from, text);
      case 'MESSAGE_SENT':
        return this.#native(data);
      case 'PRESENCE_EVENT_RESPONSE':
        if (data?.category === 'party.typing' && typeof data.sender?._id === 'string') this.emit('typing', { party: data.sender });
        return;
      default: // somebody else's event
    }
  }

  #subscribed(presence) {
    const users = Object.entries(presence?.hash ?? {});
    this.members = new Map(users.map(([user_id, user_info]) => [user_id, memberOf({ user_id, user_info })]));
    this.state = 'live';
    this.emit('sync', { members: [...this.members.values()], resumed: false });
  }

  #added(user) {
    if (this.state !== 'live' || typeof user?.user_id !== 'string') return;
    const member = memberOf(user);
    const isNew = !this.members.has(member.id);
    this.members.set(member.id, member);
    if (isNew) this.emit('join', { member });
  }

  #removed(user) {
    const member = this.members.get(user?.user_id);
    if (this.state !== 'live' || !member) return;
    this.members.delete(member.id);
    this.emit('leave', { member });
  }

  #refused() {
    const wasLive = this.state === 'live';
    this.#turn += 1;
    this.state = wasLive ? 'removed' : 'refused';
    this.members = new Map();
    if (wasLive) this.emit('removed', {});
  }

  #message(from, text) {
    const sender = this.members.get(from)?.party;
    if (!sender || typeof text !== 'string') return;
    const mine = from === this.#link.partyId();
    this.emit('message', { text, sender, mine });
  }

  /** What a client of the native dialect said. */
  #native(payload) {
    const { _id: id, category, content, sender, created } = payload ?? {};
    if (category !== 'chat' || typeof content?.bodyText !== 'string' || typeof sender?._id !== 'string') return;
    this.emit('message', { id, text: content.bodyText, sender, created, mine: sender._id === this.#link.partyId() });
  }

  #end(state) {
    const isThere = this.state === 'live' || this.state === 'subscribing';
    if (isThere) this.#link.send({ event: 'pusher:unsubscribe', data: { channel: this.name } });
    this.#turn += 1;
    this.state = state;
    this.members = new Map();
  }
}

function memberOf(user) {
  return { id: user.user_id, party: partyOf(user), content: {}, sessions: 1 };
}

/** A user as a party; what is shown of it may be anything. */
function partyOf({ user_id, user_info }) {
  const text = (value) => (typeof value === 'string' ? value : '');
  const { name, username, picture_url, type } = user_info ?? {};
  return {
    _id: String(user_id),
    type: KINDS.has(type) ? type : 'user',
    displayname: text(name),
    username: text(username),
    picture_url: text(picture_url),
  };
}
