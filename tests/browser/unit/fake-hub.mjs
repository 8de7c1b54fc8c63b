// A hub in a test's hands: a WebSocket class whose other end the test plays, frame by frame.

import { createHub } from '../../../web-demo/presence-client.js';

export const ME = { _id: 'me', type: 'user', displayname: 'Me' };
export const SESSION = 'session-1';
export const EPOCH = '1000';

const ONLINE = 'app.event.presence.party.online';
const LEAVES = 'app.event.presence.party.leaves';

/** The other end. `options` are those of `createHub`. */
export class FakeHub {
  /** Every connection that was ever tried, oldest first. */
  sockets = [];

  constructor(options = {}) {
    const fake = this;
    class FakeWebSocket extends FakeSocket {
      constructor(url) {
        super(url);
        fake.sockets.push(this);
      }
    }
    this.states = [];
    this.client = createHub({ url: 'ws://test/ws', token: () => 'a token', WebSocket: FakeWebSocket, random: () => 0.5, ...options });
    this.client.on('state', ({ state }) => this.states.push(state));
  }

  /** The newest connection. */
  get socket() {
    return this.sockets.at(-1);
  }

  /** Waits for a connection attempt and accepts it, token and all. */
  async accept({ session = SESSION } = {}) {
    await settled();
    this.socket.open();
    this.send('AUTHENTICATED', { sessionId: session, user: ME, expires: null, hub: { version: '0', ping: 10, grace: 15 } });
    await settled();
  }

  send(event, payload, envelope = {}) {
    this.socket.receive(JSON.stringify({ event, payload, ...envelope }));
  }

  /** Takes the oldest frame of this event off what the page sent; its payload, acknowledged. */
  async take(event, { ack = true } = {}) {
    await settled();
    const at = this.socket.sent.findIndex((frame) => frame.event === event);
    if (at === -1) throw new Error(`no ${event} among ${JSON.stringify(this.socket.sent)}`);
    const [frame] = this.socket.sent.splice(at, 1);
    if (ack && frame.id !== undefined) this.ack(frame.id);
    await settled();
    return frame.payload;
  }

  ack(id, error) {
    this.send('ACK', error ? { id, ok: false, error } : { id, ok: true });
  }

  /** Plays the hub's part in watching: the snapshot, then the ACK. */
  async subscribe(topic, { roster = [], rev = 0, epoch = EPOCH, resumed } = {}) {
    await settled();
    const frame = this.socket.sent.find(({ event }) => event === 'SUBSCRIBE_CHANNEL');
    const about = resumed ? { resumed: true } : { roster, occupancy: {} };
    const channel = { _id: topic, type: 'topic' };
    this.send('CHANNEL_SUBSCRIBED', { channel, sessionId: SESSION, hub: about }, { epoch, rev });
    await this.take('SUBSCRIBE_CHANNEL');
    return frame.payload;
  }

  online(topic, user, rev, { prev = rev - 1, epoch = EPOCH, content = {}, sessions = 1 } = {}) {
    const payload = { category: ONLINE, topicId: topic, sender: user, content, receivers: [], hub: { sessions } };
    this.send('PRESENCE_EVENT_RESPONSE', payload, { epoch, rev, prev, timetoken: `1${String(rev).padStart(16, '0')}` });
  }

  leaves(topic, user, rev, { prev = rev - 1, cause = 'left' } = {}) {
    const payload = { category: LEAVES, topicId: topic, sender: user, content: {}, receivers: [], hub: { cause, sessions: 0 } };
    this.send('PRESENCE_EVENT_RESPONSE', payload, { epoch: EPOCH, rev, prev });
  }

  /** Ends the connection from this side. */
  drop(code = 1006, reason = '') {
    this.socket.end(code, reason);
  }
}

/** A party for tests. */
export function party(id, displayname = id) {
  return { _id: id, type: 'user', displayname };
}

/** An entry of a snapshot. */
export function entry(user, content = {}, sessions = 1) {
  return { user, content, hub: { sessions, joined: '10000000000000000' } };
}

/** Records everything a topic tells, in order. */
export function record(topic) {
  const told = [];
  for (const name of ['sync', 'join', 'update', 'leave', 'message', 'typing', 'removed', 'error']) {
    topic.on(name, (detail) => told.push({ name, ...detail, ids: [...topic.members.keys()] }));
  }
  return told;
}

/** Lets every promise that can go on, go on. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

class FakeSocket extends EventTarget {
  readyState = 0;
  sent = [];

  constructor(url) {
    super();
    this.url = url;
  }

  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  receive(data) {
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }

  end(code, reason = '') {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code = 1005) {
    if (this.readyState < 2) this.end(code);
  }
}
