// State of users in channels (P25-P31).

import assert from 'node:assert/strict';
import { JS, PY, PYA, RAW, RS, SDKS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'room-a';
const OK = { status: 200, message: 'OK', service: 'Presence' };

/** What `getState` gives: Js shows the payload's own channels, and for one channel that of it alone. */
const statesOf = ({ name }, result) => (name === 'Js' && result.channels ? result.channels : result);

/** Fails unless setting gave the state. Rust shows its result only to programmers. */
function gave({ name }, result, state) {
  if (name !== 'Rs') return assert.deepEqual(result, state);
  for (const [key, value] of Object.entries(state)) assert.ok(result.includes(`"${key}": `) && result.includes(String(value)), result);
}

suite('state', (stage) => {
  stage.each('P25', SDKS, 'sets a state, which watchers see whole, and another client reads it from one channel and from two', async (scene, kind) => {
    const ana = await scene.inside(kind, 'ana');
    const watchers = [];
    for (const other of SDKS) {
      watchers.push(await scene.client(other, `watcher-${other.name}`));
      await watchers.at(-1).subscribe({ channels: [`${ROOM}-pnpres`, 'elsewhere'] });
    }
    gave(kind, await ana.call('setState', { channels: [ROOM], state: { mood: 'ok', n: 1 } }), { mood: 'ok', n: 1 });
    for (const watcher of watchers) assert.deepEqual((await watcher.sees('state-change', 'ana', { channel: ROOM })).state, { mood: 'ok', n: 1 }, watcher.name);
    gave(kind, await ana.call('setState', { channels: [ROOM, 'room-b'], state: { mood: 'busy' } }), { mood: 'busy' });
    for (const watcher of watchers) assert.deepEqual((await watcher.sees('state-change', 'ana')).state, { mood: 'busy' }, watcher.name);
    for (const other of SDKS) {
      const reader = await scene.client(other, 'reader');
      const one = statesOf(other, await reader.call('getState', { channels: [ROOM], uuid: 'ana' }));
      assert.deepEqual(one, { [ROOM]: { mood: 'busy' } }, other.name);
      const two = statesOf(other, await reader.call('getState', { channels: [ROOM, 'room-b'], uuid: 'ana' }));
      assert.deepEqual(two, { [ROOM]: { mood: 'busy' }, 'room-b': { mood: 'busy' } }, other.name);
    }
  });

  stage.each('P26', SDKS, 'sets and reads a state without being anywhere', async (scene, kind) => {
    const watcher = await scene.watcher();
    const ana = await scene.client(kind, 'ana');
    gave(kind, await ana.call('setState', { channels: [ROOM], state: { mood: 'away' } }), { mood: 'away' });
    assert.deepEqual(statesOf(kind, await ana.call('getState', { channels: [ROOM] })), { [ROOM]: { mood: 'away' } });
    assert.deepEqual(await scene.users(), []);
    const { occupancy } = await watcher.sees('state-change', 'ana');
    assert.equal(occupancy, 0);
    watcher.hasNothing('of a join');
    // It is there when ana comes.
    await ana.subscribe({ channels: [ROOM] });
    const { body } = await scene.raw.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}`, { state: 1 });
    assert.deepEqual(body.uuids, [{ uuid: 'ana', state: { mood: 'away' } }]);
  });

  stage.each('P27', [JS, RS], 'sets the state of every channel of a group', async (scene, kind) => {
    await scene.raw.get('/v1/channel-registration/sub-key/{sub}/channel-group/grp-1', { add: 'room-x,room-y' });
    const ana = await scene.client(kind, 'ana');
    gave(kind, await ana.call('setState', { groups: ['grp-1'], state: { mood: 'ok' } }), { mood: 'ok' });
    for (const other of SDKS) {
      const reader = await scene.client(other, 'reader');
      const states = statesOf(other, await reader.call('getState', { groups: ['grp-1'], uuid: 'ana' }));
      assert.deepEqual(states, { 'room-x': { mood: 'ok' }, 'room-y': { mood: 'ok' } }, other.name);
    }
  });

  stage.each('P27', [PY, PYA], 'refuses by itself to set the state of a group', async (scene, kind) => {
    const ana = await scene.client(kind, 'ana');
    await assert.rejects(ana.call('setState', { groups: ['grp-1'], state: { mood: 'ok' } }), /channel groups is not supported|Channel/);
    await assert.rejects(ana.call('setState', { channels: [ROOM], state: [1] }), /State missing or not a dict/);
    await assert.rejects(ana.call('getState', {}), /Channel or group missing/);
    assert.deepEqual(ana.tap.requests, []);
  });

  stage.one('P28 Py', 'says its state again with each heartbeat, which nobody sees', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.inside(PY, 'ana', ROOM, { timeout: 20, interval: 1 });
    await ana.call('setState', { channels: [ROOM], state: { mood: 'ok' } });
    await watcher.sees('state-change', 'ana');
    const said = () => ana.tap.queries('v2/presence/sub.key/[^/]+/channel/room-a/heartbeat').filter(({ state }) => state === '{"room-a": {"mood": "ok"}}').length;
    await ana.tap.until(() => said() >= 2, 'two heartbeats with the state');
    await scene.settlePresence(ROOM, watcher);
    assert.deepEqual(watcher.seen, ['join ana 1', 'state-change ana 1']);
    const { body } = await scene.raw.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}`, { state: 1 });
    assert.deepEqual(body.uuids, [{ uuid: 'ana', state: { mood: 'ok' } }]);
  });

  stage.one('P28 Js', 'says its state again with each poll, which nobody sees', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.inside(JS, 'ana');
    await ana.call('setState', { channels: [ROOM], state: { mood: 'ok' } });
    await watcher.sees('state-change', 'ana');
    for (let n = 0; n < 3; n += 1) await scene.settle(ROOM, ana);
    const said = ana.tap.queries('v2/subscribe').filter(({ state }) => state === '{"room-a":{"mood":"ok"}}');
    assert.ok(said.length > 0, 'the state is said again');
    await scene.settlePresence(ROOM, watcher);
    assert.deepEqual(watcher.seen, ['join ana 1', 'state-change ana 1']);
  });

  stage.one('P28 Js', 'says its state with its heartbeats, which nobody sees, and others are told it', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.inside(JS, 'ana', ROOM, { timeout: 20, interval: 1 });
    await ana.call('setState', { channels: [ROOM], state: { mood: 'ok' } });
    await watcher.sees('state-change', 'ana');
    const said = () => ana.tap.queries('v2/presence/sub.key/[^/]+/channel/room-a/heartbeat').filter(({ state }) => state === '{"room-a":{"mood":"ok"}}').length;
    await ana.tap.until(() => said() >= 2, 'two heartbeats with the state');
    await scene.settlePresence(ROOM, watcher);
    assert.deepEqual(watcher.seen, ['join ana 1', 'state-change ana 1']);
    const { channels } = await ana.call('hereNow', { channels: [ROOM], state: true });
    assert.deepEqual(channels[ROOM].occupants, [{ uuid: 'ana', state: { mood: 'ok' } }]);
  });

  stage.one('P28 raw', 'joins with a state, which the join carries; a changed one that a heartbeat says is kept and not told', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.client(RAW, 'ana');
    await ana.handshake(ROOM, { state: encodeURIComponent('{"room-a":{"mood":"ok"}}') });
    assert.deepEqual((await watcher.sees('join', 'ana')).state, { mood: 'ok' });
    await ana.beat([ROOM], { state: { [ROOM]: { mood: 'busy' } } });
    for (const nothing of [{}, { [ROOM]: {} }, { channel: {}, group: {} }]) await ana.beat([ROOM], { state: nothing });
    await scene.settlePresence(ROOM, watcher);
    watcher.hasNothing();
    const { body } = await scene.raw.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}`, { state: 1 });
    assert.deepEqual(body.uuids, [{ uuid: 'ana', state: { mood: 'busy' } }]);
  });

  stage.one('P28 raw', 'says a state by a heartbeat and then sets it, as Python does, and is seen', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.present('ana', [ROOM]);
    await ana.beat([ROOM], { state: { [ROOM]: { mood: 'ok' } } });
    await ana.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}/uuid/ana/data`, { state: '%7B%22mood%22%3A%22ok%22%7D' });
    await scene.settlePresence(ROOM, watcher);
    assert.deepEqual(watcher.seen, ['join ana 1', 'state-change ana 1']);
  });

  stage.one('P29 raw', 'sets and reads the state of somebody else', async (scene) => {
    const watcher = await scene.watcher();
    await scene.present('ana', [ROOM]);
    const ben = await scene.client(RAW, 'ben');
    const path = `/v2/presence/sub-key/{sub}/channel/${ROOM}/uuid/ana`;
    const set = await ben.get(`${path}/data`, { state: '%7B%22mood%22%3A%20%22ok%22%7D' });
    assert.deepEqual(set.body, { ...OK, payload: { mood: 'ok' } });
    await watcher.sees('state-change', 'ana', { occupancy: 1, state: { mood: 'ok' } });
    assert.deepEqual((await ben.get(path)).body, { ...OK, uuid: 'ana', payload: { mood: 'ok' }, channel: ROOM });
    const nobody = await ben.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}/uuid/nobody`);
    assert.deepEqual(nobody.body, { ...OK, uuid: 'nobody', payload: {}, channel: ROOM });
    const both = await ben.get('/v2/presence/sub-key/{sub}/channel/room-a,room-b/uuid/ana');
    assert.deepEqual(both.body, { ...OK, uuid: 'ana', payload: { channels: { [ROOM]: { mood: 'ok' } } } });
    const rust = await ben.get(path, { pnsdk: 'PubNub-Rust%2F0.9.0' });
    assert.deepEqual(rust.body, { ...OK, uuid: 'ana', payload: { channels: { [ROOM]: { mood: 'ok' } } } });
  });

  for (const [what, query, message] of [
    ['none', {}, 'No state specified.'],
    ['what is no JSON', { state: '%7Bmood' }, 'Invalid JSON specified.'],
    ['a list', { state: '%5B1%5D' }, undefined],
    ['a number', { state: '1' }, undefined],
  ]) {
    stage.one('P30 raw', `is refused ${what} as its state`, async (scene) => {
      const { status, body } = await scene.raw.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}/uuid/ana/data`, query);
      assert.deepEqual([status, body.status, body.error, body.service], [400, 400, true, 'Presence']);
      if (message) assert.equal(body.message, message);
      assert.ok(body.message);
    });
  }

  stage.one('P30 Rs', 'is told why its state is refused, in a form that it can read', async (scene) => {
    const ana = await scene.client(RS, 'ana');
    const refusal = await ana.call('setState', { channels: [ROOM], state: [1] }).then(() => assert.fail('it is no object'), (error) => error);
    assert.deepEqual([refusal.name, refusal.status], ['API', 400]);
  });

  stage.each('P31', SDKS, 'has no state any more when it has left, or was lost', async (scene, kind) => {
    const watcher = await scene.watcher();
    const reader = await scene.client(kind, 'reader');
    const none = async (what) => assert.deepEqual(statesOf(kind, await reader.call('getState', { channels: [ROOM], uuid: 'ana' }))[ROOM] ?? {}, {}, what);
    const ana = await scene.present('ana', [ROOM], { state: { [ROOM]: { mood: 'ok' } }, heartbeat: 3 });
    await watcher.sees('join', 'ana');
    await ana.unsubscribe({ channels: [ROOM] });
    assert.deepEqual((await watcher.sees('leave', 'ana')).state, { mood: 'ok' });
    await none('after a leave');
    await ana.beat([ROOM], { state: { [ROOM]: { mood: 'ok' } }, heartbeat: 3 });
    await watcher.sees('timeout', 'ana');
    await none('after a timeout');
  });
});
