// Newer releases (section 7.3 of the reference): what they send, to the letter, by hand.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { RAW } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';
import { send } from './kit/clients/raw.mjs';

const OK = { status: 200, message: 'OK', service: 'Presence' };
const HEARTBEAT = OK;
const LEAVE = { ...OK, action: 'leave' };

suite('newer releases', (stage) => {
  /** Sends a target in which `{sub}`, `{pub}`, `RID`, `IID` and `TT` are filled in. */
  function sender(scene) {
    const { subscribe_key: sub, publish_key: pub } = scene.app.pubnub;
    const instance = randomUUID();
    return async (target, { tt, ...more } = {}) => {
      const filled = target.replaceAll('{sub}', sub).replaceAll('{pub}', pub).replace('RID', randomUUID()).replace('IID', instance).replace('TT', tt);
      const answer = await send(scene.hub.port, filled, more);
      assert.equal(answer.status, 200, `${target}: ${answer.text}`);
      return answer.body;
    };
  }

  /** Fails unless a subscriber is told of its own join by its first or second poll. */
  async function joins(say, target, { t }) {
    const { m } = await say(target, { tt: t.t });
    assert.deepEqual(m.map(({ c, d, b }) => [c, d.action, d.uuid, d.occupancy, b]), [['room-a-pnpres', 'join', 'ana', 1, 'room-a-pnpres']]);
    return m[0];
  }

  const sorted = ({ uuids, ...more }) => ({ ...more, uuids: uuids.sort() });

  stage.one('P1 P19 P20 P21 P25 raw', 'Python 10.8.0 sync', async (scene) => {
    const say = sender(scene);
    const hello = await say('/v2/subscribe/{sub}/room-a,room-a-pnpres/0?tt=0&pnsdk=PubNub-Python%2F10.4.0&uuid=ana');
    assert.deepEqual([hello.m, hello.t.r], [[], 1]);
    await joins(say, '/v2/subscribe/{sub}/room-a,room-a-pnpres/0?tt=TT&tr=1&pnsdk=PubNub-Python%2F10.4.0&uuid=ana', hello);
    const room = { occupancy: 1, uuids: [{ uuid: 'ana' }] };
    assert.deepEqual(await say('/v2/presence/sub-key/{sub}/channel/room-a,room-b?limit=1000&state=1&pnsdk=PubNub-Python%2F10.4.0&uuid=ana'), { ...OK, payload: { channels: { 'room-a': room }, total_channels: 1, total_occupancy: 1 } });
    const all = { ...OK, payload: { channels: { 'room-a': { occupancy: 1, uuids: ['ana'] } }, total_channels: 1, total_occupancy: 1 } };
    assert.deepEqual(await say('/v2/presence/sub-key/{sub}?limit=1000&pnsdk=PubNub-Python%2F10.4.0&uuid=ana'), all);
    await say('/v1/channel-registration/sub-key/{sub}/channel-group/grp-1?add=room-a');
    assert.deepEqual(await say('/v2/presence/sub-key/{sub}/channel/,?limit=1000&channel-group=grp-1&pnsdk=PubNub-Python%2F10.4.0&uuid=ana'), all);
    assert.deepEqual(await say('/v2/presence/sub-key/{sub}/channel/room-a/uuid/ben/data?state=%7B%22mood%22%3A%20%22ok%22%7D&pnsdk=PubNub-Python%2F10.4.0&uuid=ben'), { ...OK, payload: { mood: 'ok' } });
    assert.deepEqual(await say('/v2/presence/sub-key/{sub}/channel/room-a/leave?pnsdk=PubNub-Python%2F10.4.0&uuid=ben'), LEAVE);
  });

  stage.one('P1 P12 raw', 'Python 10.8.0 asyncio: subscribe and heartbeat go out together', async (scene) => {
    const say = sender(scene);
    const [hello, beat] = await Promise.all([
      say('/v2/subscribe/{sub}/room-a,room-a-pnpres/0?tt=0&heartbeat=20&ee=1&pnsdk=PubNub-Python-Asyncio%2F10.4.0&uuid=ana'),
      say('/v2/presence/sub-key/{sub}/channel/room-a/heartbeat?heartbeat=20&ee=1&pnsdk=PubNub-Python-Asyncio%2F10.4.0&uuid=ana'),
    ]);
    assert.deepEqual(beat, HEARTBEAT);
    await joins(say, '/v2/subscribe/{sub}/room-a,room-a-pnpres/0?tt=TT&tr=1&heartbeat=20&ee=1&pnsdk=PubNub-Python-Asyncio%2F10.4.0&uuid=ana', hello);
    assert.deepEqual(await say('/v2/presence/sub-key/{sub}/channel/room-a,room-a-pnpres/heartbeat?heartbeat=20&pnsdk=PubNub-Python-Asyncio%2F10.4.0&uuid=ana'), HEARTBEAT);
    assert.deepEqual((await say('/v2/presence/sub-key/{sub}')).payload.channels, { 'room-a': { occupancy: 1, uuids: ['ana'] } });
    assert.deepEqual(await say('/v2/presence/sub-key/{sub}/channel/room-a/leave?ee=1&pnsdk=PubNub-Python-Asyncio%2F10.4.0&uuid=ana'), LEAVE);
    assert.deepEqual(await scene.users(), []);
  });

  stage.one('P1 P15 P24 P25 P41 raw', 'Rust 0.9.0: heartbeat first, then the handshake', async (scene) => {
    const say = sender(scene);
    assert.deepEqual(await say('/v2/presence/sub_key/{sub}/channel/room-a/heartbeat?heartbeat=20&uuid=ana&requestid=RID&pnsdk=PubNub-Rust%2F0.9.0&instanceid=IID'), HEARTBEAT);
    const hello = await say('/v2/subscribe/{sub}/room-a,room-a-pnpres/0?heartbeat=20&tt=0&pnsdk=PubNub-Rust%2F0.9.0&uuid=ana&requestid=RID&instanceid=IID');
    const join = await joins(say, '/v2/subscribe/{sub}/room-a,room-a-pnpres/0?heartbeat=20&tt=TT&tr=1&pnsdk=PubNub-Rust%2F0.9.0&uuid=ana&requestid=RID&instanceid=IID', hello);
    assert.ok(!('data' in join.d));
    assert.deepEqual(await say('/v2/presence/sub-key/{sub}/channel/room-a?requestid=RID&limit=1000&pnsdk=PubNub-Rust%2F0.9.0&uuid=ana&instanceid=IID'), { ...OK, occupancy: 1, uuids: ['ana'] });
    await say('/v1/channel-registration/sub-key/{sub}/channel-group/g%20one%3Ax?add=room-a');
    const grouped = await say('/v2/presence/sub-key/{sub}/channel/,?channel-group=g%2520one%253Ax&limit=1000&pnsdk=PubNub-Rust%2F0.9.0&uuid=ana&requestid=RID&instanceid=IID');
    assert.deepEqual(grouped, { ...OK, payload: { channels: { 'room-a': { occupancy: 1, uuids: ['ana'] } }, total_channels: 1, total_occupancy: 1 } });
    const lone = await say('/v2/presence/sub-key/{sub}/channel/empty?channel-group=nogroup&limit=1000&pnsdk=PubNub-Rust%2F0.9.0&uuid=ana&requestid=RID&instanceid=IID');
    assert.deepEqual(lone.payload.channels, { empty: { occupancy: 0, uuids: [] } });
    assert.deepEqual(await say('/v2/presence/sub-key/{sub}/channel/room-a/uuid/ana/data?requestid=RID&state=%7B%22mood%22%3A%22ok%22,%22n%22%3A1%7D&pnsdk=PubNub-Rust%2F0.9.0&instanceid=IID&uuid=ana'), { ...OK, payload: { mood: 'ok', n: 1 } });
    assert.deepEqual(await say('/v2/presence/sub-key/{sub}/channel/room-a/uuid/ana?uuid=ana&pnsdk=PubNub-Rust%2F0.9.0&instanceid=IID&requestid=RID'), { ...OK, uuid: 'ana', payload: { channels: { 'room-a': { mood: 'ok', n: 1 } } } });
    const posted = await say('/publish/{pub}/{sub}/0/room-a/0?requestid=RID&seqn=2&pnsdk=PubNub-Rust%2F0.9.0&uuid=ana&instanceid=IID', { method: 'POST', body: '"via post"' });
    assert.deepEqual(posted.slice(0, 2), [1, 'Sent']);
    const heard = await say('/v2/subscribe/{sub}/room-a/0?heartbeat=300&tt=TT&tr=1&pnsdk=PubNub-Rust%2F0.9.0&uuid=ana&requestid=RID&instanceid=IID', { tt: join.p.t });
    assert.deepEqual(heard.m.map(({ d, s, p }) => [d, s, p.t]), [['via post', 2, posted[2]]]);
    assert.deepEqual(await say('/v2/presence/sub_key/{sub}/channel/room-a/leave?requestid=RID&pnsdk=PubNub-Rust%2F0.9.0&instanceid=IID&uuid=ana'), LEAVE);
  });

  stage.one('P1 P12 P23 P41 P44 raw', 'JS 11.0.2: no cursor on the handshake, the heartbeat in parallel', async (scene) => {
    const say = sender(scene);
    const names = 'room-a,room-a-pnpres,w.%2A,w.%2A-pnpres';
    const [hello, beat] = await Promise.all([
      say(`/v2/subscribe/{sub}/${names}/0?ee=&uuid=ana&requestid=RID&pnsdk=PubNub-JS-Nodejs%2F11.0.2`),
      say('/v2/presence/sub-key/{sub}/channel/room-a,w.%2A/heartbeat?heartbeat=20&state=%7B%7D&uuid=ana&requestid=RID&pnsdk=PubNub-JS-Nodejs%2F11.0.2'),
    ]);
    assert.deepEqual(beat, HEARTBEAT);
    const joined = [];
    for (let tt = hello.t.t; joined.length < 2; ) {
      const { t, m } = await say(`/v2/subscribe/{sub}/${names}/0?ee=&tt=TT&tr=1&uuid=ana&requestid=RID&pnsdk=PubNub-JS-Nodejs%2F11.0.2`, { tt });
      tt = t.t;
      joined.push(...m.filter(({ d }) => d.action === 'join').map(({ c }) => c));
    }
    assert.deepEqual([...new Set(joined)].sort(), ['room-a-pnpres', 'w.*-pnpres']);
    assert.deepEqual(sorted(await say('/v2/presence/sub-key/{sub}/channel/room-a?limit=1000&state=1&uuid=ana&requestid=RID&pnsdk=PubNub-JS-Nodejs%2F11.0.2')), { ...OK, occupancy: 1, uuids: [{ uuid: 'ana' }] });
    const odd = await scene.client(RAW, "bo'b (1)~*!");
    await odd.get('/v2/presence/sub-key/{sub}/channel/room-a/uuid/bo%27b%20%281%29%7E%2A%21/data', { state: '%7B%22n%22%3A1%7D' });
    const state = await say('/v2/presence/sub-key/{sub}/channel/room-a/uuid/bo%27b%20%281%29%7E%2A%21?uuid=ana&requestid=RID&pnsdk=PubNub-JS-Nodejs%2F11.0.2');
    assert.deepEqual(state, { ...OK, uuid: "bo'b (1)~*!", payload: { n: 1 }, channel: 'room-a' });
    const tt = await scene.raw.handshake('room-a');
    const headers = { 'content-encoding': 'deflate', 'content-type': 'application/json' };
    await say('/publish/{pub}/{sub}/0/room-a/0?uuid=ana&requestid=RID&pnsdk=PubNub-JS-Nodejs%2F11.0.2', { method: 'POST', headers, body: deflateSync('{"y":1}') });
    assert.deepEqual((await scene.raw.poll('room-a', { tt })).body.m.map(({ d }) => d), [{ y: 1 }]);
    assert.deepEqual(await say('/v2/presence/sub-key/{sub}/channel/room-a,w.x/leave?uuid=ben&requestid=RID&pnsdk=PubNub-JS-Nodejs%2F11.0.2'), LEAVE);
  });
});
