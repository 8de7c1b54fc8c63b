// What the SDKs' presence pages promise (section 11 of the reference), row by row: each call, each parameter, each result.

import assert from 'node:assert/strict';
import { PY, PYA, RAW, RS, SDKS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'room-a';
const STATE = { mood: 'ok', n: 1 };
const PYTHONS = [PY, PYA];

suite('checklist', (stage) => {
  /** cleo with a state and dan in room-a, dan in room-b; groups of one each, of both, and of a channel that is empty. */
  async function people(scene) {
    await scene.present('cleo', [ROOM], { state: { [ROOM]: STATE } });
    await scene.present('dan', [ROOM, 'room-b']);
    for (const [group, channels] of [['g-a', ROOM], ['g-b', 'room-b'], ['g-ab', 'room-a,room-b'], ['g-empty', 'room-z']]) {
      await scene.raw.get(`/v1/channel-registration/sub-key/{sub}/channel-group/${group}`, { add: channels });
    }
  }

  const told = ({ channels }) => Object.fromEntries(Object.entries(channels).map(([name, { occupants }]) => [name, occupants.map(({ uuid, state }) => (state ? [uuid, state] : uuid)).sort()]));
  const here = { [ROOM]: ['cleo', 'dan'] };
  const both = { ...here, 'room-b': ['dan'] };

  for (const [row, asked, expected, totals] of [
    ['here_now() .channels as a text', { channels: ROOM }, here, [1, 2]],
    ['here_now() .channels as a text with a comma', { channels: 'room-a,room-b' }, both, [2, 3]],
    ['here_now() .channels as a list', { channels: [ROOM, 'room-b'] }, both, [2, 3]],
    ['here_now() .channels as a tuple', { channels: [ROOM, 'room-b'], asTuple: true }, both, [2, 3]],
    ['here_now() .channel_groups as a text', { groups: 'g-a' }, here, [1, 2]],
    ['here_now() .channel_groups as a list', { groups: ['g-a', 'g-b'] }, both, [2, 3]],
    ['here_now() .channel_groups as a tuple', { groups: ['g-ab', 'g-empty'], asTuple: true }, both, [2, 3]],
    ['here_now() without names', {}, both, [2, 3]],
    ['here_now() .include_state(True)', { channels: [ROOM], state: true }, { [ROOM]: ['dan', ['cleo', STATE]].sort() }, [1, 2]],
    ['here_now() .include_uuids(False)', { channels: [ROOM], uuids: false }, { [ROOM]: [] }, [1, 2]],
    ['here_now() of channels that are empty', { channels: ['e-1', 'e-2'] }, {}, [0, 0]],
  ]) {
    stage.each('11.2', PYTHONS, row, async (scene, kind) => {
      await people(scene);
      const asker = await scene.client(kind, 'asker');
      const result = await asker.call('hereNow', asked);
      assert.deepEqual(told(result), Object.fromEntries(Object.entries(expected).map(([name, users]) => [name, [...users].sort()])));
      assert.deepEqual([result.totalChannels, result.totalOccupancy], totals);
      for (const [name, { occupancy }] of Object.entries(result.channels)) assert.equal(occupancy, name === ROOM ? 2 : 1);
    });
  }

  stage.each('11.2', PYTHONS, 'where_now() with its own and with another uuid', async (scene, kind) => {
    await people(scene);
    const dan = await scene.client(kind, 'dan');
    assert.deepEqual((await dan.call('whereNow')).sort(), [ROOM, 'room-b']);
    assert.deepEqual(await dan.call('whereNow', { uuid: 'cleo' }), [ROOM]);
  });

  for (const [row, asked] of [
    ['a text', { channels: 'room-1' }],
    ['a list', { channels: ['room-1', 'room-2', 'room-3'] }],
    ['a tuple', { channels: ['room-1', 'room-2', 'room-3'], asTuple: true }],
  ]) {
    stage.each('11.2', PYTHONS, `set_state() and get_state() .channels as ${row}`, async (scene, kind) => {
      const eve = await scene.client(kind, 'eve');
      assert.deepEqual(await eve.call('setState', { ...asked, state: STATE }), STATE);
      const expected = Object.fromEntries([asked.channels].flat().map((name) => [name, STATE]));
      assert.deepEqual(await eve.call('getState', asked), expected);
      const other = await scene.client(kind, 'other');
      assert.deepEqual(await other.call('getState', { ...asked, uuid: 'eve' }), expected);
    });
  }

  stage.each('11.2', PYTHONS, 'set_state() of groups alone is refused by the SDK, and get_state() .channel_groups with and without channels', async (scene, kind) => {
    await people(scene);
    const eve = await scene.client(kind, 'eve');
    await assert.rejects(eve.call('setState', { groups: ['g-ab'], state: STATE }));
    const { status } = await scene.raw.get('/v2/presence/sub-key/{sub}/channel/,/uuid/eve/data', { 'channel-group': 'g-ab', state: encodeURIComponent(JSON.stringify(STATE)) });
    assert.equal(status, 200);
    for (const groups of ['g-ab', ['g-a', 'g-b']]) assert.deepEqual(await eve.call('getState', { groups }), { [ROOM]: STATE, 'room-b': STATE });
    assert.deepEqual(await eve.call('getState', { channels: ['room-q'], groups: ['g-a'] }), { [ROOM]: STATE });
    const other = await scene.client(kind, 'other');
    assert.deepEqual(await other.call('getState', { groups: ['g-b'], uuid: 'eve' }), { 'room-b': STATE });
  });

  stage.each('11.2', SDKS, 'set_state() and get_state() .channel_groups beside channels', async (scene, kind) => {
    await scene.raw.get('/v1/channel-registration/sub-key/{sub}/channel-group/g-a', { add: ROOM });
    const eve = await scene.client(kind, 'eve');
    const both = { channels: ['room-q'], groups: ['g-a'] };
    await eve.call('setState', { ...both, state: { mood: 'ok' } });
    const read = await eve.call('getState', both);
    assert.deepEqual(read.channels ?? read, { [ROOM]: { mood: 'ok' }, 'room-q': { mood: 'ok' } });
  });

  for (const [row, asked, expected, totals] of [
    ['here_now() .channels', { channels: [ROOM] }, here, [1, 2]],
    ['here_now() .channels, several', { channels: [ROOM, 'room-b'] }, both, [2, 3]],
    ['here_now() .channel_groups', { groups: ['g-a', 'g-b'] }, both, [2, 3]],
    // Of a lone channel beside a group the SDK gives the name to whichever channel it comes upon first.
    ['here_now() of both', { channels: ['room-b', 'room-c'], groups: ['g-a'] }, both, [2, 3]],
    ['here_now() .include_state', { channels: [ROOM], state: true }, { [ROOM]: [['cleo', STATE], 'dan'] }, [1, 2]],
    ['here_now() .include_user_ids(false)', { channels: [ROOM, 'room-b'], uuids: false }, { [ROOM]: [], 'room-b': [] }, [2, 3]],
  ]) {
    stage.one('11.3 Rs', row, async (scene) => {
      await people(scene);
      const asker = await scene.client(RS, 'asker');
      const result = await asker.call('hereNow', asked);
      assert.deepEqual(told(result), Object.fromEntries(Object.entries(expected).map(([name, users]) => [name, [...users].sort()])));
      assert.deepEqual([result.totalChannels, result.totalOccupancy], totals);
    });
  }

  stage.one('11.3 Rs', 'here_now() without names is refused by the SDK', async (scene) => {
    const asker = await scene.client(RS, 'asker');
    await assert.rejects(asker.call('hereNow', {}), /channels or channel groups/i);
    assert.deepEqual(asker.tap.requests, []);
  });

  stage.one('11.3 Rs', 'where_now() with its own and with another .user_id', async (scene) => {
    await people(scene);
    const dan = await scene.client(RS, 'dan');
    assert.deepEqual((await dan.call('whereNow')).sort(), [ROOM, 'room-b']);
    assert.deepEqual(await dan.call('whereNow', { uuid: 'cleo' }), [ROOM]);
  });

  for (const [row, asked, names] of [
    ['one of .channels', { channels: ['room-1'] }, ['room-1']],
    ['several .channels', { channels: ['room-1', 'room-2'] }, ['room-1', 'room-2']],
    ['.channel_groups', { groups: ['g-a', 'g-b'] }, [ROOM, 'room-b']],
  ]) {
    stage.one('11.3 Rs', `set_presence_state() and get_presence_state() of ${row}, its own and with .user_id`, async (scene) => {
      await people(scene);
      const eve = await scene.client(RS, 'eve');
      const expected = Object.fromEntries(names.map((name) => [name, STATE]));
      assert.match(await eve.call('setState', { ...asked, state: STATE }), /mood/);
      assert.deepEqual(await eve.call('getState', asked), expected);
      assert.match(await eve.call('setState', { ...asked, uuid: 'finn', state: STATE }), /mood/);
      assert.deepEqual(await eve.call('getState', { ...asked, uuid: 'finn' }), expected);
    });
  }

  stage.one('11.1 raw', 'presence that is off is refused, in the form of a feature that is off', async (scene) => {
    const of = `/v2/presence/sub-key/{sub}/channel/${ROOM}`;
    for (const path of [of, `${of}/heartbeat`, `${of}/leave`, `${of}/uuid/ana`, '/v2/presence/sub-key/{sub}/uuid/ana', '/v2/presence/sub-key/{sub}']) {
      const { status, body } = await scene.raw.get(path, { uuid: 'ana' });
      assert.deepEqual([status, body.status, body.error, body.service], [403, 403, true, 'Presence'], path);
      assert.match(body.message, /^Use of the presence API requires the Presence add-on/);
    }
  }, { presence: false });

  stage.one('11.1 raw', 'is told at once of what has just changed, without a cache', async (scene) => {
    const ben = await scene.client(RAW, 'ben');
    for (let n = 0; n < 3; n += 1) {
      await ben.beat([ROOM]);
      assert.deepEqual(await scene.users(), ['ben']);
      await ben.unsubscribe({ channels: [ROOM] });
      assert.deepEqual(await scene.users(), []);
    }
  });
});
