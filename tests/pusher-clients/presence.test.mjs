// Presence: users, not sockets, come and go (U40-U44, U48-U56).

import assert from 'node:assert/strict';
import { settle } from './kit/clients/client.mjs';
import { APY, ECHO, JS, NODE, PY3, PYR, PYS, RAW } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'presence-room';
const STRICT = { pusher: { strict: true } };

suite('presence', (stage) => {
  stage.each('U40', [JS, PYS, APY], 'counts users and not tabs, whoever watches', async (scene, kind) => {
    const a = await scene.member(kind, ROOM, 'a', { name: 'Ann' });
    assert.deepEqual([a.subscribed.count, a.subscribed.ids], [1, ['a']]);
    const b = await scene.member(JS, ROOM, 'b', { name: 'Bob' });
    assert.equal(b.members(ROOM).count, 2);
    assert.deepEqual(b.members(ROOM).me, { id: 'b', info: { name: 'Bob' } });
    assert.deepEqual(await a.next('@added'), { channel: ROOM, id: 'b', info: { name: 'Bob' } });
    const second = await scene.member(JS, ROOM, 'b', { name: 'Bob' });
    assert.equal(second.members(ROOM).count, 2);
    b.unsubscribe(ROOM);
    await settle(b, second, a);
    await a.isQuiet('of tabs');
    second.unsubscribe(ROOM);
    await settle(second);
    assert.equal((await a.next('@removed')).id, 'b');
    for (const one of [a, b, second]) await one.isQuiet();
  });

  stage.each('U41', [JS, PYS], 'has members without info', async (scene, kind) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    assert.deepEqual(watcher.members(ROOM).me, { id: 'w', info: null });
    const plain = await scene.member(kind, ROOM, 'p');
    assert.equal((await watcher.next('@added')).id, 'p');
    assert.deepEqual(watcher.members(ROOM).get('p').id, 'p');
    assert.deepEqual([plain.subscribed.count, plain.subscribed.ids.sort()], [2, ['p', 'w']]);
  });

  stage.each('U42', [NODE, PY3, PYR], 'takes the number 10 and the text "10" for one user', async (scene, kind) => {
    const backend = scene.backend(kind);
    const authorize = (user) => (socketId, channel) => backend.authorize(channel, socketId, user);
    const watcher = await scene.member(JS, ROOM, 'w');
    const number = await scene.subscribed(JS, ROOM, { authorize: authorize({ user_id: 10, user_info: { n: 1 } }) });
    assert.deepEqual(await watcher.next('@added'), { channel: ROOM, id: '10', info: { n: 1 } });
    const text = await scene.subscribed(JS, ROOM, { authorize: authorize({ user_id: '10', user_info: { n: 1 } }) });
    await watcher.isQuiet('of the second tab');
    for (const one of [number, text]) {
      assert.equal(one.members(ROOM).count, 2);
      assert.deepEqual(one.members(ROOM).me.info, { n: 1 });
    }
    assert.deepEqual(await backend.users(ROOM), { users: [{ id: '10' }, { id: 'w' }] });
  });

  stage.one('U43 JS', 'keeps what was first said of a user until all its tabs have gone', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const first = await scene.member(JS, ROOM, 'a', { name: 'first' });
    assert.deepEqual((await watcher.next('@added')).info, { name: 'first' });
    const second = await scene.member(JS, ROOM, 'a', { name: 'second' });
    assert.deepEqual(second.members(ROOM).get('a').info, { name: 'first' });
    await watcher.isQuiet();
    first.close();
    second.close();
    await watcher.next('@removed', { id: 'a' });
    await scene.member(JS, ROOM, 'a', { name: 'third' });
    assert.deepEqual((await watcher.next('@added')).info, { name: 'third' });
  }, STRICT);

  stage.one('U44 JS', 'tells each newcomer of thirty a list and what follows it, without gap or doublet', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const crowd = await Promise.all(Array.from({ length: 15 }, (_, n) => scene.connected(RAW, `r${n}`, { user: { user_id: `r${n}` } })));
    const comeAndGo = async (one, times) => {
      for (let n = 0; n < times; n += 1) {
        await one.subscribe(ROOM);
        one.unsubscribe(ROOM);
      }
      await one.subscribe(ROOM);
    };
    const joined = Promise.all(crowd.map((one, n) => comeAndGo(one, n % 4)));
    const newcomers = await Promise.all(Array.from({ length: 15 }, (_, n) => scene.member(JS, ROOM, `n${n}`)));
    await joined;
    await settle(watcher, ...crowd, ...newcomers);
    const expected = ['w', ...crowd.map((_, n) => `r${n}`), ...newcomers.map((_, n) => `n${n}`)].sort();
    for (const one of [watcher, ...newcomers]) {
      assert.deepEqual(Object.keys(one.members(ROOM).members).sort(), expected, one.name);
      assert.equal(one.members(ROOM).count, expected.length, `the count of ${one.name}`);
      inOrder(one);
    }
  }, STRICT);

  stage.each('U48 JS', [NODE, PY3, PYR], 'takes a private channel signed together with data, and not when the data was changed', async (scene, kind) => {
    const backend = scene.backend(kind);
    const sign = (socketId, channel) => backend.authorize(channel, socketId, { user_id: '1', hello: ['wörld'] });
    await scene.subscribed(JS, 'private-x', { authorize: sign });
    const tampered = async (...about) => ({ ...(await sign(...about)), channel_data: '{"user_id":"2"}' });
    const refused = await scene.connected(JS, 'tampered', { authorize: tampered });
    refused.saySubscribe('private-x');
    assert.equal((await refused.next('@error')).code, null);
  });

  stage.one('U48 PYS', 'has the application sign for its private channel', async (scene) => {
    const client = await scene.subscribed(PYS, 'private-x', { remote: true, listen: ['ev'] });
    await scene.backend(PY3).trigger('private-x', 'ev', { n: 1 });
    assert.deepEqual(JSON.parse((await client.next('ev')).data), { n: 1 });
  });

  stage.one('U49 JS', 'makes the signed-in user the member, unless the application says another', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const user = { id: '42', user_info: { name: 'Ann' } };
    const authorize = (socketId, channel) => scene.backend(NODE).authorize(channel, socketId);
    const signed = await scene.signed(user, { authorize });
    await signed.subscribe(ROOM);
    assert.deepEqual(await watcher.next('@added'), { channel: ROOM, id: '42', info: { name: 'Ann' } });
    assert.deepEqual(signed.members(ROOM).me, { id: '42', info: { name: 'Ann' } });
    const other = await scene.signed(user, { authorize: (socketId, channel) => scene.backend(NODE).authorize(channel, socketId, { user_id: 'other' }) });
    await other.subscribe(ROOM);
    assert.equal((await watcher.next('@added')).id, 'other');
  });

  stage.one('U50 JS', 'needs a user on a presence channel, and says so without closing', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const nobody = await scene.connected(JS, 'nobody');
    nobody.say('pusher:subscribe', { channel: ROOM, ...scene.backend(NODE).authorize(ROOM, nobody.socketId) });
    assert.equal((await nobody.next('@error')).code, null);
    await nobody.isQuiet();
    await watcher.isQuiet();
  });

  stage.one('U51 JS', 'refuses what is not signed for this socket and channel, and takes what is afterwards', async (scene) => {
    const backend = scene.backend(NODE);
    const [a, b] = [await scene.connected(JS, 'a'), await scene.connected(JS, 'b')];
    const digest = (channel, sid = a.socketId) => `Invalid signature: Expected HMAC SHA256 hex digest of ${sid}:${channel}, but got `;
    const refused = [
      [{ channel: 'private-events' }, 'Auth info required to subscribe to private-events'],
      [{ channel: 'private-events', auth: `${scene.app.key}:00` }, digest('private-events')],
      [{ channel: 'private-events', ...backend.authorize('private-events', b.socketId) }, digest('private-events')],
      [{ channel: 'private-events', ...backend.authorize('private-other', a.socketId) }, digest('private-events')],
      [{ channel: 'private-events', auth: backend.authorize('private-events', a.socketId).auth.replace(/^[^:]*/, 'another-key') }, ''],
    ];
    for (const [data, text] of refused) {
      a.say('pusher:subscribe', data);
      const { code, message } = await a.next('@error');
      assert.equal(code, null);
      assert.ok(message.startsWith(text), message);
    }
    await a.subscribe('private-events');
    assert.equal(a.state, 'connected');
  });

  stage.each('U51', [PYS, APY], 'is told of a wrong signature, and stays', async (scene, kind) => {
    const { key, id } = scene.app;
    const client = await scene.connected(kind, 'wrong', { app: { id, key, secret: 'another secret' } });
    await client.saySubscribe('private-events');
    assert.equal((await client.next('@error')).code, null);
    await client.isQuiet();
    assert.equal(client.connects, 1);
  });

  stage.one('U52 JS', 'takes three users where three are allowed, and any number of their tabs', async (scene) => {
    for (const id of ['a', 'b', 'c', 'c']) await scene.member(JS, ROOM, id);
    const fourth = await scene.connected(JS, 'd', { user: { user_id: 'd' } });
    fourth.saySubscribe(ROOM);
    assert.equal((await fourth.next('@error')).code, null);
    await scene.member(JS, ROOM, 'a');
    assert.deepEqual((await scene.backend(NODE).users(ROOM)).users.length, 3);
  }, { pusher: { members: 3 } });

  stage.one('U53 JS', 'says what is wrong with a second subscription and with an end of none', async (scene) => {
    const client = await scene.subscribed(JS, 'pub');
    client.say('pusher:subscribe', { channel: 'pub', auth: '' });
    assert.deepEqual(await client.next('@error'), { code: null, message: 'Existing subscription to channel pub' });
    client.say('pusher:unsubscribe', { channel: 'never' });
    assert.deepEqual(await client.next('@error'), { code: null, message: 'No current subscription to channel never, or subscription in progress' });
    await client.isQuiet();
    assert.deepEqual(await scene.backend(NODE).channel('pub', ['subscription_count']), { occupied: true, subscription_count: 1 });
  });

  stage.one('U54 JS', 'ends subscribed when it subscribes, unsubscribes and subscribes at once', async (scene) => {
    const client = await scene.subscribed(JS, 'pub');
    client.unsubscribe('pub');
    await client.subscribe('pub');
    for (const verb of ['unsubscribe', 'subscribe', 'unsubscribe', 'subscribe']) client.say(`pusher:${verb}`, { channel: 'pub' });
    await client.fence();
    client.inbox.take();
    await scene.backend(NODE).trigger('pub', 'ev', 1);
    assert.deepEqual(await client.next('ev'), { channel: 'pub', data: 1 });
    await client.isQuiet();
  });

  stage.one('U55 PYS', 'joins, sees others come and go as texts, and is seen', async (scene) => {
    const js = await scene.member(JS, ROOM, 'js', { name: 'Ann' });
    const py = await scene.member(PYS, ROOM, 'py', { name: 'Pé' });
    assert.deepEqual(py.subscribed, { channel: ROOM, count: 2, ids: ['js', 'py'] });
    assert.deepEqual(await js.next('@added'), { channel: ROOM, id: 'py', info: { name: 'Pé' } });
    const apy = await scene.member(APY, ROOM, 'apy', { name: 'Cid' });
    for (const one of [js, py]) assert.deepEqual(await one.next('@added'), { channel: ROOM, id: 'apy', info: { name: 'Cid' } });
    await apy.unsubscribe(ROOM);
    for (const one of [js, py]) assert.equal((await one.next('@removed')).id, 'apy');
    await py.close();
    assert.equal((await js.next('@removed')).id, 'py');
  });

  stage.each('U56', [{ ...ECHO, name: 'ECHO reverb' }, { ...ECHO, name: 'ECHO pusher' }], 'joins with numeric ids, sees who is here, joining and leaving, whispers and listens', async (scene, { name }) => {
    const options = (id) => ({ broadcaster: name.slice(5), user: { user_id: id, user_info: { id, name: `user ${id}` } }, listen: ['OrderShipped', '.plain'], whispers: ['typing'] });
    const one = await scene.connected(ECHO, 'one', options(1));
    const first = one.join('room');
    assert.deepEqual((await one.next('@here')).data, [{ id: 1, name: 'user 1' }]);
    const two = await scene.connected(ECHO, 'two', options(2));
    const second = two.join('room');
    const byId = (a, b) => a.id - b.id;
    assert.deepEqual((await two.next('@here')).data.sort(byId), [{ id: 1, name: 'user 1' }, { id: 2, name: 'user 2' }]);
    assert.deepEqual((await one.next('@joining')).data, { id: 2, name: 'user 2' });
    second.whisper('typing', { at: 1 });
    assert.deepEqual((await one.next('whisper typing')).data, { at: 1 });
    const backend = scene.backend(NODE);
    await backend.trigger(ROOM, 'App\\Events\\OrderShipped', { order: 5 }, { socketId: two.socketId });
    await backend.trigger(ROOM, 'plain', { n: 2 });
    assert.deepEqual((await one.next('OrderShipped')).data, { order: 5 });
    assert.deepEqual((await two.next('.plain')).data, { n: 2 });
    first.whisper('typing', { at: 2 });
    assert.deepEqual((await two.next('whisper typing')).data, { at: 2 });
    assert.ok(!two.inbox.history.some(({ event }) => event === 'OrderShipped'), 'who caused it does not hear it');
    two.echo.leave('room');
    assert.deepEqual((await one.next('@leaving')).data, { id: 2, name: 'user 2' });
  });

  stage.one('U56 ECHO', 'hears of a refused channel', async (scene) => {
    const client = await scene.connected(ECHO, 'wrong', { app: { ...scene.app, id: '0' }, user: { user_id: 1 } });
    client.join('room');
    await client.next('@refused');
    const refused = await scene.connected(ECHO, 'liar', { app: { id: stage.forged.id, key: scene.app.key }, user: { user_id: 1 } });
    refused.join('room');
    const { data } = await refused.next('@refused');
    assert.deepEqual([data.type, data.status], ['AuthError', 401], JSON.stringify(data));
  }, { pusher: { subscription_error: true } });
  // An application that signs with another's key and secret.
  stage.forged = stage.app();
});

/** Nobody is added who is there, nobody removed who is not. */
function inOrder(client) {
  const there = new Set();
  for (const { event, payload } of client.inbox.history) {
    if (event === '@subscribed') payload.ids.forEach((id) => there.add(id));
    if (event === '@added') {
      assert.ok(!there.has(payload.id), `${client.name}: ${payload.id} is added twice`);
      there.add(payload.id);
    }
    if (event === '@removed') assert.ok(there.delete(payload.id), `${client.name}: ${payload.id} is removed and was not there`);
  }
}
