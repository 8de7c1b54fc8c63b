// The demo's client of Pusher's protocol, to which the test plays the hub frame by frame.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { createPusherHub, delayAfter, readFrame } from '../../../web-demo/pusher-client.js';

const ROOM = 'presence-room';
const ESTABLISHED = { event: 'pusher:connection_established', data: '{"socket_id":"1.2","activity_timeout":120}' };

/** A WebSocket whose other end is the test's. */
class FakeSocket extends EventTarget {
  readyState = 1;
  sent = [];

  constructor(url) {
    super();
    this.url = url;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  say(frame) {
    this.dispatchEvent(new MessageEvent('message', { data: typeof frame === 'string' ? frame : JSON.stringify(frame) }));
  }

  close(code = 1005, reason = '') {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const data = (value) => JSON.stringify(value);
const list = (hash) => ({
  event: 'pusher_internal:subscription_succeeded',
  channel: ROOM,
  data: data({ presence: { count: Object.keys(hash).length, ids: Object.keys(hash), hash } }),
});

describe('pusher client', () => {
  let sockets;
  let hub;
  let signed;
  let told;
  let gate;

  beforeEach(async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    sockets = [];
    signed = [];
    told = [];
    gate = Promise.resolve();
    const WebSocket = class extends FakeSocket {
      constructor(url) {
        super(url);
        sockets.push(this);
      }
    };
    const authorize = async (socketId, channel) => {
      signed.push([socketId, channel]);
      await gate;
      return { auth: 'k:s', channel_data: '{"user_id":"me","user_info":{"name":"Me"}}' };
    };
    hub = createPusherHub({ key: 'k/1', url: 'ws://test', authorize, WebSocket, random: () => 0 });
    hub.on('error', ({ code }) => told.push(code));
    await settled();
  });

  afterEach(() => {
    hub.close();
    mock.timers.reset();
  });

  const join = async (hash = { me: { name: 'Me' } }) => {
    const room = hub.topic(ROOM);
    for (const event of ['sync', 'join', 'leave', 'message', 'removed', 'typing']) room.on(event, () => told.push(event));
    sockets.at(-1).say(ESTABLISHED);
    await settled();
    sockets.at(-1).say(list(hash));
    return room;
  };

  it('subscribes with what the backend signs for this very connection', async () => {
    const room = await join();
    assert.equal(sockets[0].url.split('?')[0], 'ws://test/app/k%2F1');
    assert.match(sockets[0].url, /[?&]protocol=7(&|$)/);
    assert.deepEqual(signed, [['1.2', ROOM]]);
    assert.equal(sockets[0].sent[0].event, 'pusher:subscribe');
    assert.equal(sockets[0].sent[0].data.auth, 'k:s');
    assert.deepEqual([room.state, room.self.party.displayname, hub.me._id], ['live', 'Me', 'me']);
  });

  it('keeps the list by what comes after it', async () => {
    const room = await join({ me: null, a: { name: 'A' } });
    const added = { event: 'pusher_internal:member_added', channel: ROOM, data: data({ user_id: '__proto__', user_info: null }) };
    sockets[0].say(added);
    sockets[0].say(added);
    sockets[0].say({ event: 'pusher_internal:member_removed', channel: ROOM, data: data({ user_id: 'a' }) });
    sockets[0].say({ event: 'pusher_internal:member_removed', channel: ROOM, data: data({ user_id: 'a' }) });
    assert.deepEqual([...room.members.keys()], ['me', '__proto__']);
    assert.deepEqual(told, ['sync', 'join', 'leave']);
  });

  it('takes messages of members only, and each in the name that the hub gives', async () => {
    const room = await join({ me: null, a: { name: 'A' } });
    const heard = [];
    room.on('message', ({ text, sender, mine }) => heard.push([text, sender._id, mine]));
    sockets[0].say({ event: 'client-message', channel: ROOM, data: '{"x":1}', user_id: 'a' });
    sockets[0].say({ event: 'client-message', channel: ROOM, data: 'nobody', user_id: 'b' });
    sockets[0].say({ event: 'client-message', channel: ROOM, data: 'nobody' });
    await room.say('own');
    assert.deepEqual(heard, [['{"x":1}', 'a', false], ['own', 'me', true]]);
  });

  it('comes back after a loss, and takes the new list for the old one', async () => {
    const room = await join({ me: null, a: null });
    sockets[0].close(1006);
    assert.deepEqual([hub.state, room.state, room.members.size], ['offline', 'detached', 2]);
    mock.timers.tick(1_000);
    sockets[1].say(ESTABLISHED);
    await settled();
    sockets[1].say(list({ me: null }));
    assert.deepEqual([room.state, room.members.size], ['live', 1]);
  });

  it('stays away when it is told to', async () => {
    sockets[0].say({ event: 'pusher:error', data: { code: 4001, message: 'no such app' } });
    sockets[0].close(4001);
    mock.timers.tick(120_000);
    assert.deepEqual([hub.state, sockets.length], ['offline', 1]);
  });

  it('asks whether anybody is there, and gives the connection up if not', async () => {
    await join();
    mock.timers.tick(10_000);
    assert.equal(sockets[0].sent.at(-1).event, 'pusher:ping');
    mock.timers.tick(4_000);
    assert.equal(hub.state, 'stale');
    sockets[0].say({ event: 'pusher:pong', data: {} });
    assert.equal(hub.state, 'online');
    mock.timers.tick(10_000);
    mock.timers.tick(4_000);
    mock.timers.tick(10_000);
    assert.equal(hub.state, 'offline');
  });

  it('tells a removal from a refusal', async () => {
    const room = await join();
    const refused = { event: 'pusher:subscription_error', channel: ROOM, data: { type: 'AuthError', status: 401 } };
    sockets[0].say(refused);
    assert.deepEqual([room.state, told.at(-1)], ['removed', 'removed']);
    room.rejoin();
    await settled();
    sockets[0].say(refused);
    assert.equal(room.state, 'refused');
  });

  it('drops a signature for a connection that is gone', async () => {
    let open;
    gate = new Promise((resolve) => (open = resolve));
    hub.topic(ROOM);
    sockets[0].say(ESTABLISHED);
    sockets[0].close(1006);
    mock.timers.tick(1_000);
    open();
    await settled();
    assert.deepEqual([...sockets[0].sent, ...sockets[1].sent], []);
  });

  it('waits after a close as the protocol says', () => {
    for (const [code, delay] of [[4001, null], [4099, null], [4100, 1_000], [4200, 0], [4301, null], [1006, 1_000]]) {
      assert.equal(delayAfter(code, 0, () => 0), delay, String(code));
    }
    assert.equal(delayAfter(4200, 1, () => 0), 1_000);
    assert.ok(delayAfter(1006, 30, () => 0.999) <= 31_000);
  });

  it('reads whatever is no frame as none', () => {
    for (const text of ['', 'null', '7', '[]', '{}', '{"event":7}', 'x']) assert.equal(readFrame(text), null, text);
    assert.deepEqual(readFrame('{"event":"e","data":"not JSON"}'), { event: 'e', data: 'not JSON', text: 'not JSON' });
  });
});
