// One roster for all dialects: PubNub's SDKs, pusher-js, socket.io-client and `/ws` in one topic.

import assert from 'node:assert/strict';
import { native, pusher, spaces } from './kit/company.mjs';
import { JS, PY, PYA, RS, SDKS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';
import { agree, rosterOf } from '../spaces/kit/roster.mjs';
import { PATIENCE } from '../kit/patience.mjs';

const ROOM = 'presence-room';
const KEYS = { access_manager: true };
const OPEN = { open_topics: true };
/** Whoever has the secret key may do everything. */
const SIGNED = { signs: true };

/** Who is there by what a PubNub client was told, from when it came. */
function told(client, begin) {
  const here = new Set(begin);
  for (const { event, payload } of client.inbox.history) {
    if (event !== '@presence') continue;
    if (payload.action === 'join') here.add(payload.uuid);
    if (payload.action === 'leave' || payload.action === 'timeout') here.delete(payload.uuid);
  }
  return [...here].sort();
}

suite('a mixed topic', (stage) => {
  stage.one('P3 Py PyA Js Rs', 'with pusher-js, socket.io-client and /ws end with one roster', async (scene) => {
    const rosters = {};
    const pubnub = {};
    const enter = async (kind, name) => {
      const client = await scene.inside(kind, name, ROOM, SIGNED);
      const { channels } = await client.call('hereNow', { channels: [ROOM] });
      const begin = channels[ROOM].occupants.map(({ uuid }) => uuid);
      pubnub[name] = client;
      rosters[client.name] = () => told(client, begin);
      return client;
    };
    const ids = (client) => () => rosterOf(client, ROOM).map(([id]) => id);

    // They come, some to stay.
    const nora = await native(scene, 'nora', ROOM, { n: 1 });
    rosters.nora = ids(nora);
    await enter(PY, 'pia');
    const ann = await pusher(scene, 'ann', ROOM);
    rosters.ann = () => Object.keys(ann.members(ROOM).members).sort();
    await enter(JS, 'jim');
    const sam = await spaces(scene, 'sam', ROOM, { n: 2 });
    rosters.sam = ids(sam);
    await enter(RS, 'rue');
    await enter(PYA, 'asa');
    const bob = await pusher(scene, 'bob', ROOM);
    const tom = await spaces(scene, 'tom', ROOM, { n: 3 });
    const joe = await scene.inside(JS, 'joe', ROOM, SIGNED);
    const ned = await native(scene, 'ned', ROOM, { n: 4 });
    await agree(rosters, ['ann', 'asa', 'bob', 'jim', 'joe', 'ned', 'nora', 'pia', 'rue', 'sam', 'tom']);

    // Others go, each as its dialect does.
    bob.unsubscribe(ROOM);
    ned.leaves(ROOM);
    tom.close();
    await joe.unsubscribe({ channels: [ROOM] });
    const expected = ['ann', 'asa', 'jim', 'nora', 'pia', 'rue', 'sam'];
    await agree(rosters, expected, 2 * PATIENCE.leave);
    for (const client of Object.values(pubnub)) {
      const { channels } = await client.call('hereNow', { channels: [ROOM] });
      assert.deepEqual(channels[ROOM].occupants.map(({ uuid }) => uuid).sort(), expected, client.name);
    }
  }, KEYS, OPEN);

  stage.each('P2', SDKS, 'sees clients of /ws, Pusher and Socket.IO come, change and go, and is seen by them', async (scene, kind) => {
    const nora = await native(scene, 'nora', ROOM, { mood: 'good' });
    const pia = await scene.inside(kind, 'pia', ROOM, SIGNED);
    await nora.hears('online', 'pia');
    await pia.call('setState', { channels: [ROOM], state: { mood: 'ok' } });
    await pia.sees('state-change', 'pia');
    const { content } = await nora.next('PRESENCE_EVENT_RESPONSE', ({ sender, content: said }) => sender._id === 'pia' && said?.state?.mood === 'ok');
    assert.deepEqual(content.state, { mood: 'ok' });
    await nora.online(ROOM, { mood: 'bad' });
    assert.equal((await pia.sees('state-change', 'nora', { channel: ROOM })).state.mood, 'bad');
    const ann = await pusher(scene, 'ann', ROOM);
    await pia.sees('join', 'ann', { channel: ROOM, occupancy: 3 });
    assert.ok(ann.members(ROOM).get('pia'));
    const sam = await spaces(scene, 'sam', ROOM, { n: 1 });
    await pia.sees('join', 'sam', { occupancy: 4 });
    ann.unsubscribe(ROOM);
    await pia.sees('leave', 'ann', { occupancy: 3 });
    nora.leaves(ROOM);
    await pia.sees('leave', 'nora', { occupancy: 2 });
    sam.close();
    await pia.sees('leave', 'sam', { occupancy: 1 }, PATIENCE.leave);
    const watcher = await native(scene, 'wim', ROOM, {});
    await pia.call(kind === RS ? 'leave' : 'unsubscribe', { channels: [ROOM] });
    assert.equal((await watcher.hears('leaves', 'pia')).hub.cause, 'left');
  }, KEYS, OPEN);

  stage.each('P11', [PY, JS], 'is one with a client of /ws of the same user, until neither is left', async (scene, kind) => {
    const watcher = await pusher(scene, 'watcher', ROOM);
    const nora = await native(scene, 'nora', ROOM, {}, false);
    await watcher.next('@added', { id: 'nora' });
    const other = await scene.client(kind, 'nora', SIGNED);
    await other.subscribe({ channels: [ROOM] });
    assert.equal((await other.call('hereNow', { channels: [ROOM] })).totalOccupancy, 2);
    nora.leaves(ROOM);
    await nora.fence();
    await watcher.isQuiet('while the user is here by the other dialect');
    await other.unsubscribe({ channels: [ROOM] });
    await watcher.next('@removed', { id: 'nora' });
    await watcher.isQuiet();
  }, KEYS, OPEN);

  stage.each('P41', [PY, JS, RS], 'hears what clients of /ws and Pusher say, and is heard', async (scene, kind) => {
    const nora = await native(scene, 'nora', ROOM, {});
    const pia = await scene.inside(kind, 'pia', ROOM, SIGNED);
    await pia.call('publish', { channel: ROOM, message: { text: 'from pubnub' } });
    const { sender, content, hub } = await nora.next('MESSAGE_SENT', { topicId: ROOM });
    assert.equal(sender._id, 'pia');
    assert.ok(JSON.stringify([content, hub]).includes('from pubnub'));
    await pia.next('@message', { publisher: 'pia' });
    nora.say('SEND_MESSAGE', { category: 'chat', topicId: ROOM, content: { bodyText: 'from ws' } });
    assert.ok(JSON.stringify(await pia.next('@message')).includes('from ws'));
  }, KEYS, OPEN);
});
