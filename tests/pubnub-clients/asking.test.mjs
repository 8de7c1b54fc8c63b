// Who is here and where somebody is (P19-P24): the results of each SDK, and the bodies they are made of.

import assert from 'node:assert/strict';
import { JS, PY, PYA, RAW, RS, SDKS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'room-a';
const OK = { status: 200, message: 'OK', service: 'Presence' };
const ODD = "bo'b (1)~*!";

/** The occupants of a channel of a result, in order. */
const occupants = ({ channels }, name) => channels[name].occupants.map(({ uuid, state }) => [uuid, state ?? null]).sort();

suite('asking', (stage) => {
  /** ana with a state and ben without one in room-a, ana in room-b; a group of each. */
  async function people(scene) {
    await scene.present('ana', [ROOM, 'room-b'], { state: { [ROOM]: { mood: 'ok' } } });
    await scene.present('ben', [ROOM]);
    for (const [group, channels] of [['grp-1', 'room-a'], ['grp-2', 'room-b'], ['grp-3', 'room-c']]) {
      await scene.raw.get(`/v1/channel-registration/sub-key/{sub}/channel-group/${group}`, { add: channels });
    }
  }

  stage.each('P19', SDKS, 'asks who is in one channel: plainly, with states, without uuids, and of an empty one', async (scene, kind) => {
    await people(scene);
    const asker = await scene.client(kind, 'asker');
    const plain = await asker.call('hereNow', { channels: [ROOM] });
    assert.deepEqual([plain.totalChannels, plain.totalOccupancy, plain.channels[ROOM].occupancy], [1, 2, 2]);
    assert.deepEqual(occupants(plain, ROOM), [['ana', null], ['ben', null]]);
    const states = await asker.call('hereNow', { channels: [ROOM], state: true });
    assert.deepEqual(occupants(states, ROOM), [['ana', { mood: 'ok' }], ['ben', null]]);
    const counts = await asker.call('hereNow', { channels: [ROOM], uuids: false });
    assert.deepEqual([counts.totalOccupancy, counts.channels[ROOM].occupancy, counts.channels[ROOM].occupants], [2, 2, []]);
    const empty = await asker.call('hereNow', { channels: ['empty-room'] });
    assert.deepEqual([empty.totalOccupancy, empty.channels['empty-room'].occupants], [0, []]);
  });

  stage.one('P19 raw', 'gets exactly the keys that there are', async (scene) => {
    await people(scene);
    for (const key of ['sub-key', 'sub_key']) {
      const ask = async (channel, query) => (await scene.raw.get(`/v2/presence/${key}/{sub}/channel/${channel}`, query)).body;
      const plain = await ask(ROOM, {});
      assert.deepEqual({ ...plain, uuids: plain.uuids.sort() }, { ...OK, occupancy: 2, uuids: ['ana', 'ben'] });
      const states = await ask(ROOM, { state: 1, limit: 3 });
      assert.deepEqual(states.uuids.sort((a, b) => (a.uuid < b.uuid ? -1 : 1)), [{ uuid: 'ana', state: { mood: 'ok' } }, { uuid: 'ben' }]);
      assert.deepEqual(await ask(ROOM, { disable_uuids: 1 }), { ...OK, occupancy: 2 });
      assert.deepEqual((await ask(ROOM, { state: 0, disable_uuids: 0 })).uuids.sort(), ['ana', 'ben']);
      assert.deepEqual(await ask('empty-room', {}), { ...OK, occupancy: 0, uuids: [] });
    }
  });

  stage.one('P20 raw', 'gets the form of what was asked, and never that of what there is', async (scene) => {
    await people(scene);
    const ask = async (channel, query) => (await scene.raw.get(`/v2/presence/sub-key/{sub}/channel/${channel}`, query)).body;
    const two = await ask('room-a,room-b', { state: 1 });
    two.payload.channels[ROOM].uuids.sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
    assert.deepEqual(two, {
      ...OK,
      payload: {
        channels: { [ROOM]: { occupancy: 2, uuids: [{ uuid: 'ana', state: { mood: 'ok' } }, { uuid: 'ben' }] }, 'room-b': { occupancy: 1, uuids: [{ uuid: 'ana' }] } },
        total_channels: 2,
        total_occupancy: 3,
      },
    });
    assert.deepEqual(await ask(',', { 'channel-group': 'grp-1', disable_uuids: 1 }), { ...OK, payload: { channels: { [ROOM]: { occupancy: 2 } }, total_channels: 1, total_occupancy: 2 } });
    assert.deepEqual(await ask('nobody-1,nobody-2', {}), { ...OK, payload: { channels: {}, total_channels: 0, total_occupancy: 0 } });
    assert.deepEqual((await ask('nobody-1', { 'channel-group': 'grp-3' })).payload, { channels: {}, total_channels: 0, total_occupancy: 0 });
  });

  stage.each('P20', SDKS, 'asks who is in several channels and groups', async (scene, kind) => {
    await people(scene);
    const asker = await scene.client(kind, 'asker');
    const two = await asker.call('hereNow', { channels: [ROOM, 'empty-room'] });
    assert.deepEqual([two.totalChannels, two.totalOccupancy, Object.keys(two.channels)], [1, 2, [ROOM]]);
    const group = await asker.call('hereNow', { groups: ['grp-1'], state: true });
    assert.deepEqual(occupants(group, ROOM), [['ana', { mood: 'ok' }], ['ben', null]]);
    const three = await asker.call('hereNow', { groups: ['grp-1', 'grp-2', 'grp-3'] });
    assert.deepEqual([three.totalChannels, three.totalOccupancy, Object.keys(three.channels).sort()], [2, 3, [ROOM, 'room-b']]);
    const both = await asker.call('hereNow', { channels: ['room-b'], groups: ['grp-1'] });
    assert.deepEqual([both.totalChannels, both.totalOccupancy], [2, 3]);
    // Rust gives the name of a lone channel to whichever one it comes upon first.
    if (kind !== RS) assert.deepEqual(occupants(both, 'room-b'), [['ana', null]]);
  });

  stage.each('P21', [PY, PYA, JS], 'asks who is anywhere, and hears nothing of another key', async (scene, kind) => {
    await people(scene);
    const asker = await scene.client(kind, 'asker');
    const all = await asker.call('hereNow', {});
    assert.deepEqual([all.totalChannels, all.totalOccupancy, Object.keys(all.channels).sort()], [2, 3, [ROOM, 'room-b']]);
  });

  stage.one('P21 raw', 'may be refused to ask who is anywhere', async (scene) => {
    const { status, body, headers } = await scene.raw.get('/v2/presence/sub-key/{sub}');
    assert.deepEqual([status, body.error, body.status], [403, true, 403]);
    assert.ok(headers['content-type']);
  }, { global_here_now: false });

  stage.one('P22 raw', 'asks for a part of the list', async (scene) => {
    for (const name of ['u1', 'u2', 'u3', 'u4', 'u5']) await scene.present(name, [ROOM]);
    const ask = async (query) => (await scene.raw.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}`, query)).body;
    const pages = [await ask({ limit: 2 }), await ask({ limit: 2, offset: 2 }), await ask({ limit: 2, offset: 4 })];
    assert.deepEqual(pages.map(({ occupancy, uuids }) => [occupancy, uuids.length]), [[5, 2], [5, 2], [5, 1]]);
    assert.deepEqual(pages.flatMap(({ uuids }) => uuids).sort(), ['u1', 'u2', 'u3', 'u4', 'u5']);
    const counts = await ask({ limit: 0 });
    assert.equal(counts.occupancy, 5);
    assert.deepEqual(counts.uuids ?? [], []);
    const several = (await scene.raw.get(`/v2/presence/sub-key/{sub}/channel/${ROOM},room-b`, { limit: 2 })).body;
    assert.deepEqual([several.payload.total_occupancy, several.payload.channels[ROOM].uuids.length], [5, 2]);
  });

  stage.each('P23', SDKS, 'asks where it, another, nobody, and somebody of an odd name is', async (scene, kind) => {
    await people(scene);
    const odd = await scene.client(RAW, ODD);
    await odd.beat(['room-x']);
    const grouped = await scene.client(RAW, 'carl');
    await grouped.beat([], { groups: ['grp-1', 'grp-2'] });
    const ana = await scene.client(kind, 'ana');
    assert.deepEqual((await ana.call('whereNow', {})).sort(), [ROOM, 'room-b']);
    assert.deepEqual(await ana.call('whereNow', { uuid: 'ben' }), [ROOM]);
    assert.deepEqual(await ana.call('whereNow', { uuid: 'nobody' }), []);
    assert.deepEqual((await ana.call('whereNow', { uuid: 'carl' })).sort(), [ROOM, 'room-b'], 'members of groups are channels');
    assert.deepEqual(await ana.call('whereNow', { uuid: ODD }), ['room-x']);
  });

  stage.one('P23 raw', 'gets the body of the reference', async (scene) => {
    await people(scene);
    const { body } = await scene.raw.get('/v2/presence/sub_key/{sub}/uuid/ben');
    assert.deepEqual(body, { ...OK, payload: { channels: [ROOM] } });
  });

  stage.one('P24 Rs', 'asks of an empty channel and an empty group, and is given the channel', async (scene) => {
    const asker = await scene.client(RS, 'asker');
    const empty = { empty: { occupancy: 0, occupants: [] } };
    assert.deepEqual((await asker.call('hereNow', { channels: ['empty'], groups: ['nogroup'] })).channels, empty);
    assert.deepEqual((await asker.call('hereNow', { channels: ['empty'], groups: ['nogroup'], state: true })).channels, empty);
    const counts = await asker.call('hereNow', { channels: ['empty'], groups: ['nogroup'], uuids: false });
    assert.deepEqual(counts.channels, empty);
  });
});
