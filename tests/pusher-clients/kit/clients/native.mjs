// A client of the hub's own dialect on `/ws` (WS), for company.

import { createHmac } from 'node:crypto';
import WebSocket from 'ws';
import { Inbox } from '../../../kit/inbox.mjs';
import { any } from '../../../kit/like.mjs';

const PRESENCE = 'app.event.presence.';

export class NativeClient {
  #fences = 0;
  #socket;

  constructor(name, port, app) {
    this.name = `WS ${name}`;
    this.id = name;
    this.inbox = new Inbox(this.name);
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/ws?token=${mint(app, { sub: name, displayname: `${name} Native` })}`);
    this.#socket.on('message', (data) => {
      const { event, payload } = JSON.parse(data);
      this.inbox.put(event, payload);
    });
    this.#socket.on('error', () => {});
  }

  next(event, pattern, patience) {
    return this.inbox.next(event, pattern, patience);
  }

  async connected() {
    await this.next('AUTHENTICATED');
    return this;
  }

  say(event, payload) {
    this.#socket.send(JSON.stringify({ event, payload }));
  }

  async subscribe(topic) {
    this.say('SUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: topic } });
    return this.next('CHANNEL_SUBSCRIBED', { channel: { _id: topic } });
  }

  async online(topicId, content = {}) {
    this.say('SEND_PRESENCE_EVENT', { category: `${PRESENCE}party.online`, topicId, content });
    return this.hears('online', this.id);
  }

  leaves(topicId) {
    this.say('SEND_PRESENCE_EVENT', { category: `${PRESENCE}party.leaves`, topicId, content: {} });
  }

  /** A party that comes or goes: `online` or `leaves`. */
  hears(what, id = any, patience = undefined) {
    return this.next('PRESENCE_EVENT_RESPONSE', { category: `${PRESENCE}party.${what}`, sender: { _id: id } }, patience);
  }

  async fence() {
    for (let n = 0; n < 2; n += 1) {
      this.#fences += 1;
      const channel = { type: 'topic', _id: `fence-${this.#fences}` };
      this.say('UNSUBSCRIBE_CHANNEL', { channel });
      await this.next('CHANNEL_UNSUBSCRIBED', { channel: { _id: channel._id } });
    }
  }

  drop() {
    this.#socket.terminate();
  }

  async dispose() {
    this.drop();
  }
}

function mint({ key, secret }, claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT', kid: key })}.${part({ exp: Math.floor(Date.now() / 1000) + 3600, ...claims })}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}
