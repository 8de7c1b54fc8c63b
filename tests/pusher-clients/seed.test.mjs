// Every function of the first Python library, with its arguments and what it returns (U23-U31, the checklist of the reference).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { triggerThrice } from './kit/backends/rust.mjs';
import { JS, NODE, PYR, RAW } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const CHATROOM = 'presence-chatroom';
const NOTIFICATIONS = 'presence-notifications';

suite('the first Python library', (stage) => {
  stage.one('U23 PYR', 'trigger: channels, event, data, socket_id, and what it returns', async (scene) => {
    const backend = scene.backend(PYR);
    const [client, raw] = [await scene.subscribed(JS, 'a_channel'), await scene.subscribed(RAW, 'a_channel')];
    await client.subscribe('another_channel');
    assert.deepEqual(await backend.call('trigger', ['a_channel', 'another_channel'], 'an_event', { some: 'data' }, '1234.12'), {});
    for (const channel of ['a_channel', 'another_channel']) assert.deepEqual(await client.next('an_event', { channel }), { channel, data: { some: 'data' } });
    assert.equal((await raw.next('an_event')).data, '{"some": "data"}');
    assert.deepEqual(await backend.call('trigger', ['a_channel', 'another_channel'], 'an_event', { some: 'data' }, client.socketId), {});
    await raw.next('an_event');
    await client.isQuiet();
    await backend.call('trigger', ['a_channel'], 'an_event', 'a text as it is');
    assert.equal((await raw.next('an_event')).data, 'a text as it is');
    await assert.rejects(backend.call('trigger', 'a_channel', 'an_event', 1), { name: 'TypeError' });
    await assert.rejects(backend.call('trigger', Array.from({ length: 11 }, (_, n) => `c${n}`), 'an_event', 1), { name: 'ValueError' });
    await backend.call('trigger', ['a_channel'], 'é'.repeat(200), 1);
    await raw.next('é'.repeat(200));
    await assert.rejects(backend.call('trigger', ['a_channel'], 'pusher:an_event', 1), { name: 'PusherBadRequest' });
  });

  stage.one('U24 PYR', 'channels_info: prefix_filter, attributes, and what it returns', async (scene) => {
    const backend = scene.backend(PYR);
    for (const [channel, id] of [[CHATROOM, '1'], [CHATROOM, '1'], [CHATROOM, '2'], [NOTIFICATIONS, '1']]) await scene.member(JS, channel, id);
    await scene.subscribed(JS, 'pub');
    assert.deepEqual(await backend.call('channels_info', 'presence-', ['user_count']), { channels: { [CHATROOM]: { user_count: 2 }, [NOTIFICATIONS]: { user_count: 1 } } });
    assert.deepEqual(await backend.call('channels_info'), { channels: { [CHATROOM]: {}, [NOTIFICATIONS]: {}, pub: {} } });
    assert.deepEqual(await backend.call('channels_info', 'presence-n'), { channels: { [NOTIFICATIONS]: {} } });
    assert.deepEqual(await backend.call('channels_info', 'nothing'), { channels: {} });
    await assert.rejects(backend.call('channels_info', null, ['user_count']), { name: 'PusherBadRequest' });
    await assert.rejects(backend.call('channels_info', 'pu', ['user_count']), { name: 'PusherBadRequest' });
  });

  stage.one('U25 PYR', 'channel_info: channel, attributes, and what it returns', async (scene) => {
    const backend = scene.backend(PYR);
    for (const id of ['1', '1', '2']) await scene.member(JS, CHATROOM, id);
    assert.deepEqual(await backend.call('channel_info', CHATROOM, ['user_count']), { user_count: 2, occupied: true });
    assert.deepEqual(await backend.call('channel_info', CHATROOM, ['user_count', 'subscription_count']), { user_count: 2, subscription_count: 3, occupied: true });
    assert.deepEqual(await backend.call('channel_info', CHATROOM), { occupied: true });
    assert.deepEqual(await backend.call('channel_info', 'unknown'), { occupied: false });
    assert.deepEqual(await backend.call('channel_info', 'presence-unknown', ['user_count']), { occupied: false, user_count: 0 });
    await scene.subscribed(JS, 'pub');
    assert.deepEqual(await backend.call('channel_info', 'pub', ['subscription_count']), { subscription_count: 1, occupied: true });
    await assert.rejects(backend.call('channel_info', 'pub', ['user_count']), { name: 'PusherBadRequest' });
  });

  stage.one('U26 PYR', 'users_info: channel, and what it returns', async (scene) => {
    for (const id of [1035, '1035', '4821']) await scene.member(JS, CHATROOM, id);
    // The library signs this call right only once in a process: afterwards it signs the signature of the last one too.
    const once = (number) => scene.backend(PYR, { environment: { NUMBER: String(number) } });
    assert.deepEqual(await once(1).call('users_info', CHATROOM), { users: [{ id: '1035' }, { id: '4821' }] });
    await assert.rejects(once(2).call('users_info', 'pub'), { name: 'PusherBadRequest' });
    assert.deepEqual(await once(3).call('users_info', 'presence-none'), { users: [] });
  });

  stage.one('U27 PYR', 'authenticate_subscription: channel, socket_id, custom_data, and what a client makes of it', async (scene) => {
    const backend = scene.backend(PYR);
    const custom = (...data) => (socketId, channel) => backend.call('authorize', channel, socketId, ...data);
    const odd = 'private-aZ09_-=@,.;';
    await scene.subscribed(JS, odd, { authorize: custom() });
    const user = { user_id: '1', user_info: { twitter: '@pushér' } };
    const signed = await custom(user)('1234.12', CHATROOM);
    assert.match(signed.channel_data, /": "/, 'this library writes JSON with blanks');
    const client = await scene.subscribed(JS, CHATROOM, { authorize: custom(user) });
    assert.deepEqual(client.members(CHATROOM).me, { id: '1', info: user.user_info });
    await scene.subscribed(JS, CHATROOM, { authorize: custom({ user_id: 2 }) });
    assert.deepEqual(await client.next('@added'), { channel: CHATROOM, id: '2', info: null });
  });

  stage.one('U29 PYR', 'has an exception for each error', async (scene) => {
    const wrong = scene.backend(PYR, { secret: 'wrong' });
    await assert.rejects(wrong.call('trigger', ['pub'], 'ev', 1), { name: 'PusherBadAuth' });
    await assert.rejects(wrong.call('channels_info'), { name: 'PusherBadAuth' });
    await assert.rejects(scene.backend(PYR, { app: stage.disabled }).call('trigger', ['pub'], 'ev', 1), { name: 'PusherForbidden' });
    await assert.rejects(scene.backend(PYR).call('trigger', ['pub'], 'ev', 'x'.repeat(10_241)), { name: 'ValueError' });
    // The library counts characters, the hub bytes.
    await assert.rejects(scene.backend(PYR).call('trigger', ['pub'], 'ev', 'é'.repeat(10_240)), { name: 'PusherBadStatus', text: /413/ });
    await assert.rejects(scene.backend(NODE).post('/events', { name: 'ev', channels: ['pub'], data: 'x'.repeat(10_241) }), { status: 413 });
  });

  stage.one('U30 PYR', 'trigger returns the ids of buffered events, which clients go on after', async (scene) => {
    const backend = scene.backend(PYR);
    const client = await scene.subscribed(RAW, 'a_channel', { protocol: 8 });
    const said = [];
    for (let n = 0; n < 4; n += 1) {
      const { event_ids: ids } = await backend.call('trigger', ['a_channel', 'another_channel'], 'an_event', { n });
      assert.deepEqual(Object.keys(ids).sort(), ['a_channel', 'another_channel']);
      assert.equal((await client.next('an_event')).id, ids.a_channel);
      said.push(ids.a_channel);
    }
    assert.equal(new Set(said).size, said.length);
    assert.deepEqual(said, [...said].sort(), 'they increase');
    const late = await scene.connected(RAW, 'late', { protocol: 8 });
    late.saySubscribe('a_channel', { resume_after_id: said[1] });
    assert.deepEqual((await late.next('@subscribed')).resume, { after_id: said[1], ok: true });
    for (const n of [2, 3]) assert.equal((await late.next('an_event')).data, `{"n": ${n}}`);
    await late.isQuiet();
    late.unsubscribe('a_channel');
    late.saySubscribe('a_channel', { resume_after_id: 'eudhq17zrhfbtn' });
    assert.equal((await late.next('@subscribed')).resume.ok, false);
  }, { pusher: { event_buffer: true } });

  for (const buffers of [true, false]) {
    stage.one('U30 CRATE', `triggers, and is given ${buffers ? 'the ids of the events' : 'no ids where there is no buffer'}`, async (scene) => {
      const channels = ['a_channel', 'another_channel'];
      const client = await scene.subscribed(RAW, 'a_channel', { protocol: 8 });
      const ids = await triggerThrice(scene.app, scene.hub.port, channels);
      for (const [n, of] of ids.entries()) {
        const { data, id } = await client.next('an_event');
        assert.deepEqual([data, id], [String(n), buffers ? of.a_channel : undefined]);
        if (buffers) assert.deepEqual(Object.keys(of).sort(), channels);
        else assert.equal(of, null);
      }
      const said = ids.map((of) => of?.a_channel);
      if (buffers) assert.deepEqual(said, [...new Set(said)].sort(), 'they increase');
      await client.isQuiet();
    }, { pusher: { event_buffer: buffers } });
  }

  stage.one('U31 PYR', 'calls three times on one object, which keeps its connection while it is idle', async (scene) => {
    const backend = scene.backend(PYR);
    for (let n = 0; n < 3; n += 1) {
      assert.deepEqual(await backend.call('channels_info'), { channels: {} });
      await someoneIsShownOut(scene.hub.port);
    }
    assert.deepEqual(await backend.call('trigger', ['pub'], 'ev', 1), {});
  });

  if (process.env.PUSHER_LONG) {
    stage.one('U31 PYR', 'calls three times on one object, with 65 s between', async (scene) => {
      const backend = scene.backend(PYR);
      for (let n = 0; n < 3; n += 1) {
        if (n > 0) await new Promise((resolve) => setTimeout(resolve, 65_000));
        assert.deepEqual(await backend.call('trigger', ['pub'], 'ev', { n }), {});
      }
    });
  }

  stage.one('U23 U24 PYR', 'backend: makes its requests in another way, which the hub takes as well', async (scene) => {
    const backend = scene.backend(PYR, { settings: { backend: 'requests' } });
    const client = await scene.subscribed(JS, 'a_channel');
    assert.deepEqual(await backend.call('trigger', ['a_channel'], 'an_event', { some: 'dátä' }), {});
    assert.deepEqual((await client.next('an_event')).data, { some: 'dátä' });
    assert.deepEqual(await backend.call('channels_info', 'a_', ['subscription_count']), { channels: { a_channel: { subscription_count: 1 } } });
    await assert.rejects(backend.call('channels_info', null, ['user_count']), { name: 'PusherBadRequest' });
  });

  stage.disabled = stage.app({ pusher: { enabled: false } });
}, { settings: { 'http.head_timeout': '1s' } });

/** Somebody connects after now, says nothing, and is shown the door: that long, at least, everybody else has been idle. */
async function someoneIsShownOut(port) {
  const socket = connect(port, '127.0.0.1').resume();
  socket.on('error', () => {});
  await once(socket, 'close');
}
