// Channel groups and wildcards (P32-P36).

import assert from 'node:assert/strict';
import { JS, POLITE, PY, PYA, RAW, RS, SDKS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'room-a';
const GROUP = 'grp-1';
const REGISTRY = { status: 200, message: 'OK', service: 'channel-registry', error: false };
const path = (rest = '') => `/v1/channel-registration/sub-key/{sub}/channel-group${rest}`;

suite('groups and wildcards', (stage) => {
  stage.each('P32', POLITE, 'adds, lists, removes and deletes', async (scene, kind) => {
    const ana = await scene.client(kind, 'ana');
    const list = async (group = GROUP) => (await ana.call('listGroup', { group })).sort();
    for (let n = 0; n < 2; n += 1) await ana.call('addToGroup', { group: GROUP, channels: [ROOM, 'room-b'] });
    assert.deepEqual(await list(), [ROOM, 'room-b']);
    for (let n = 0; n < 2; n += 1) await ana.call('removeFromGroup', { group: GROUP, channels: [ROOM] });
    assert.deepEqual(await list(), ['room-b']);
    if (kind === JS) assert.deepEqual(await ana.call('listGroups'), [GROUP]);
    for (let n = 0; n < 2; n += 1) await ana.call('deleteGroup', { group: GROUP });
    assert.deepEqual(await list(), []);
  });

  stage.one('P32 raw', 'gets the bodies of the reference', async (scene) => {
    const ask = async (rest, query) => (await scene.raw.get(path(rest), query)).body;
    assert.deepEqual(await ask('/grp-1', { add: 'room-a,room-b' }), REGISTRY);
    assert.deepEqual(await ask('/grp-2', { add: 'room-c%2Croom-d' }), REGISTRY);
    const list = await ask('/grp-2', {});
    assert.deepEqual({ ...list, payload: { ...list.payload, channels: list.payload.channels.sort() } }, { status: 200, payload: { channels: ['room-c', 'room-d'], group: 'grp-2' }, service: 'channel-registry', error: false });
    const all = await ask('', {});
    assert.deepEqual({ ...all, payload: { ...all.payload, groups: all.payload.groups.sort() } }, { status: 200, payload: { namespace: '', groups: ['grp-1', 'grp-2'] }, service: 'channel-registry', error: false });
    assert.deepEqual(await ask('/grp-1', { remove: 'room-a' }), REGISTRY);
    assert.deepEqual(await ask('/grp-1', {}), { status: 200, payload: { channels: ['room-b'], group: 'grp-1' }, service: 'channel-registry', error: false });
    assert.deepEqual(await ask('/grp-1/remove', {}), REGISTRY);
    assert.deepEqual(await ask('/grp-1', {}), { status: 200, payload: { channels: [], group: 'grp-1' }, service: 'channel-registry', error: false });
  });

  stage.one('P32 raw', 'has bounds, and is told of them', async (scene) => {
    const add = (channels) => scene.raw.get(path('/grp-1'), { add: channels });
    assert.equal((await add('c1,c2,c3')).status, 200);
    const over = await add('c4');
    assert.deepEqual([over.status, { ...over.body, message: '' }], [400, { status: 400, message: '', service: 'channel-registry', error: true }]);
    assert.match(over.body.message, /^Maximum channel.* count exceeded\.$/);
    const star = await scene.raw.get(path('/grp-2'), { add: 'sport.%2A' });
    assert.deepEqual([star.status, star.body.error, star.body.service], [400, true, 'channel-registry']);
  }, { channels_per_group: 3 });

  stage.one('P32 raw', 'has no groups where they are off, and is told so', async (scene) => {
    const { status, body } = await scene.raw.get(path('/grp-1'), { add: ROOM });
    assert.deepEqual([status, body.status, body.error, body.service], [403, 403, true, 'channel-registry']);
    assert.match(body.message, /^Use of the channel groups API requires/);
  }, { channel_groups: false });

  stage.one('P32 raw', 'is refused when it subscribes to nothing but a group of nothing', async (scene) => {
    const { status, body } = await scene.raw.poll(',', { tt: 0, groups: 'nogroup' });
    assert.deepEqual([status, body], [400, { status: 400, service: 'PubSub', error: true, message: 'Channel group or groups result in empty subscription set' }]);
    assert.equal((await scene.raw.poll(ROOM, { tt: 0, groups: 'nogroup' })).status, 200);
  });

  stage.each('P33', SDKS, 'is subscribed to a group, sees who comes to its members, and is a member of each', async (scene, kind) => {
    await scene.raw.get(path('/grp-1'), { add: 'room-a,room-b' });
    const ana = await scene.client(kind, 'ana');
    await ana.subscribe({ groups: [GROUP], presence: true });
    for (const channel of [ROOM, 'room-b']) await ana.sees('join', 'ana', { channel, subscription: GROUP });
    const ben = await scene.present('ben', ['room-b']);
    await ana.sees('join', 'ben', { channel: 'room-b', subscription: GROUP, occupancy: 2 });
    await ben.unsubscribe({ channels: ['room-b'] });
    await ana.sees('leave', 'ben', { channel: 'room-b', subscription: GROUP });
    const tt = await scene.publish(ROOM, 'hey');
    assert.equal((await ana.next('@message', { channel: ROOM, subscription: GROUP, message: 'hey' })).tt, tt);
    if (kind === RS) return;
    const watcher = await scene.watcher(RAW, 'room-b');
    await ana.unsubscribe({ groups: [GROUP] });
    await watcher.sees('leave', 'ana', { occupancy: 0 });
    const leaves = ana.tap.to('v2/presence/sub.key/[^/]+/channel/(,|%2C)/leave');
    const left = leaves.map(({ target }) => new URL(target, 'http://hub').searchParams.get('channel-group'));
    // That for JavaScript names it a second time, for its presence.
    assert.deepEqual(left, [kind === JS ? 'grp-1,grp-1' : GROUP]);
    assert.deepEqual([await scene.users(), await scene.users('room-b')], [[], []]);
  });

  stage.each('P34', [PY, PYA, JS, RS], 'is told at once by whom its group changes, and hears what it has come to hold', async (scene, kind) => {
    await scene.raw.get(path('/grp-1'), { add: ROOM });
    const ana = await scene.client(kind, 'ana');
    await ana.subscribe({ groups: [GROUP] });
    await ana.polls();
    const newest = () => ana.tap.to('v2/subscribe').at(-1);
    const released = async (query) => {
      const held = newest();
      await scene.raw.get(path('/grp-1'), query);
      await ana.tap.until(() => held.answer !== undefined, 'an answer to the held poll');
      await ana.polls();
      const cursor = ({ target }) => /[?&]tt=(\d+)/.exec(target)[1];
      assert.equal(cursor(newest()), cursor(held), 'the cursor stays');
    };
    await released({ add: 'room-b' });
    await scene.publish('room-b', 'in');
    await ana.next('@message', { channel: 'room-b', message: 'in' });
    await ana.polls();
    await released({ remove: 'room-b' });
    await scene.publish('room-b', 'out');
    await scene.settle(ROOM, ana);
    ana.hasNothing('of a channel that was removed');
  });

  stage.each('P35', [PY, PYA, JS], 'hears what reaches it twice for each of the ways', async (scene, kind) => {
    await scene.raw.get(path('/grp-1'), { add: ROOM });
    const ana = await scene.client(kind, 'ana');
    await ana.subscribe({ channels: [ROOM], groups: [GROUP] });
    await scene.publish(ROOM, 'hey');
    const ways = [await ana.next('@message', { message: 'hey' }), await ana.next('@message', { message: 'hey' })].map(({ subscription }) => subscription ?? ROOM);
    assert.deepEqual(ways.sort(), [GROUP, ROOM]);
  });

  stage.one('P35 raw', 'gets an entry for each match, which names it', async (scene) => {
    await scene.raw.get(path('/grp-1'), { add: ROOM });
    const tt = await scene.raw.handshake(ROOM, { groups: 'grp-1,grp-1-pnpres' });
    await scene.publish(ROOM, 'hey');
    const { body } = await scene.raw.poll(ROOM, { tt, groups: 'grp-1,grp-1-pnpres' });
    const messages = body.m.filter(({ c }) => c === ROOM);
    assert.deepEqual(messages.map(({ b }) => b).sort(), [GROUP, ROOM]);
  });

  stage.each('P36', [JS, PY, PYA, RS], 'hears the channels of a pattern', async (scene, kind) => {
    const ana = await scene.client(kind, 'ana');
    await ana.subscribe({ channels: ['sport.*'], presence: true });
    const tt = await scene.publish('sport.tennis', 'ace');
    const { channel, subscription, message } = await ana.next('@message', { tt: kind === RS ? () => true : tt });
    assert.deepEqual([channel, subscription, message], ['sport.tennis', 'sport.*', 'ace']);
    await scene.publish('sports.chess', 'mate');
    await scene.settle('sport.golf', ana);
    assert.deepEqual(ana.inbox.arrivals.filter(({ event }) => event === '@message'), []);
    // Presence is that of the literal channel, and of the channels that match.
    await scene.present('ben', ['sport.%2A']);
    await ana.sees('join', 'ben', { channel: 'sport.*' });
    await scene.present('carl', ['sport.tennis']);
    await ana.sees('join', 'carl', { channel: 'sport.tennis', subscription: 'sport.*' });
  });

  stage.one('P36 raw', 'gets the entries of the reference, and no presence with the plain pattern of others', async (scene) => {
    const lone = await scene.raw.handshake('sport.%2A-pnpres');
    const plain = await scene.raw.handshake('sport.*');
    await scene.present('ben', ['sport.*']);
    await scene.present('carl', ['sport.tennis']);
    await scene.publish('sport.tennis', 'ace');
    const entries = (await scene.raw.poll('sport.%2A-pnpres', { tt: lone })).body.m;
    const own = entries.find(({ d }) => d.uuid === 'ben');
    assert.deepEqual([own.c, own.b], ['sport.*-pnpres', undefined]);
    const heard = (await scene.raw.poll('sport.*', { tt: plain })).body.m;
    assert.deepEqual(heard.filter(({ c }) => c === 'sport.tennis-pnpres'), [], 'presence of a channel that matches');
    const message = heard.find(({ c }) => c === 'sport.tennis');
    assert.deepEqual([message.d, message.b], ['ace', 'sport.*']);
  });
});
