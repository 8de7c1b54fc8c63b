// Tokens, signatures, isolation (P48-P50).

import assert from 'node:assert/strict';
import { JS, PY, PYA, RAW, RS, SDKS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';
import { refused } from './kit/refused.mjs';
import { send } from './kit/clients/raw.mjs';

const ROOM = 'room-a';
const ROOMS = { channels: [ROOM], presence: true };
const LOCKED = { access_manager: true };
const ODD_USER = "bo'b (1)~*!";
const ODD_ROOM = 'a b~(1)';

/** Whoever grants: who has the secret key. */
const GRANTERS = [PY, PYA, JS];
const READ = ['read'];

suite('security', (stage) => {
  for (const granter of GRANTERS) {
    stage.each(`P48 ${granter.name}`, SDKS, 'grants, and the other does what it was granted and nothing else', async (scene, kind) => {
      const admin = await scene.client(granter, 'admin', { signs: true });
      const names = { [ROOM]: ['read', 'write'], [`${ROOM}-pnpres`]: READ };
      const auth = await admin.call('grant', { ttl: 60, uuid: 'ana', channels: names, groups: { 'grp-1': READ } });
      assert.match(auth, /^(qEF2|p0F2)/);
      const ana = await scene.inside(kind, 'ana', ROOM, { auth });
      await ana.call('publish', { channel: ROOM, message: 'hello' });
      await ana.next('@message', { message: 'hello' });
      assert.deepEqual((await ana.call('hereNow', { channels: [ROOM] })).totalOccupancy, 1);
      for (const [what, asked] of refused(kind, 'room-b')) {
        const error = await ana.call(what, asked).then(() => assert.fail(`${what} is granted`), (raised) => raised);
        assert.equal(error.status, 403, `${what}: ${error.message}`);
      }
    }, LOCKED);
  }

  stage.each('P48', [PY, PYA, JS], 'reads a token that it was granted', async (scene, kind) => {
    const admin = await scene.client(kind, 'admin', { signs: true });
    const token = await admin.call('grant', { ttl: 15, uuid: 'ana', meta: { score: 7 }, channels: { [ROOM]: ['read', 'write'] }, channelsPatterns: { '^news-.*$': READ } });
    const read = JSON.stringify(await admin.call('parseToken', { token }));
    for (const part of ['"ttl":15', ROOM, '^news-.*$', 'score', 'ana']) assert.ok(read.includes(part), `${part} in ${read}`);
  }, LOCKED);

  stage.each('P48', SDKS, 'may not use the token of somebody else', async (scene, kind) => {
    const admin = await scene.client(JS, 'admin', { signs: true });
    const auth = await admin.call('grant', { ttl: 60, uuid: 'ana', channels: { [ROOM]: READ } });
    const ben = await scene.client(kind, 'ben', { auth });
    await ben.call('subscribe', { channels: [ROOM] });
    await ben.next('@denied');
  }, LOCKED);

  stage.each('P48', SDKS, 'may do what a pattern grants', async (scene, kind) => {
    const admin = await scene.client(PY, 'admin', { signs: true });
    const auth = await admin.call('grant', { ttl: 60, channels: {}, channelsPatterns: { '^news-[a-z]+$': READ } });
    const ana = await scene.client(kind, 'ana', { auth });
    assert.equal((await ana.call('hereNow', { channels: ['news-today'] })).totalOccupancy, 0);
    const error = await ana.call('hereNow', { channels: ['news-1'] }).then(() => assert.fail('the pattern does not match'), (raised) => raised);
    assert.equal(error.status, 403);
  }, LOCKED);

  stage.each('P48', SDKS, 'may read a channel and not its presence', async (scene, kind) => {
    const admin = await scene.client(JS, 'admin', { signs: true });
    const auth = await admin.call('grant', { ttl: 60, channels: { [ROOM]: ['read', 'write'] } });
    const ana = await scene.client(kind, 'ana', { auth });
    await ana.subscribe({ channels: [ROOM] });
    await ana.call('publish', { channel: ROOM, message: 'hello' });
    await ana.next('@message', { message: 'hello' });
    const spy = await scene.client(kind, 'spy', { auth });
    await spy.call('subscribe', { channels: [`${ROOM}-pnpres`] });
    await spy.next('@denied');
  }, LOCKED);

  stage.each('P48', SDKS, 'subscribes with presence where it may read the channel only, and hears messages and sees nobody', async (scene, kind) => {
    const admin = await scene.client(JS, 'admin', { signs: true });
    const auth = await admin.call('grant', { ttl: 60, channels: { [ROOM]: ['read', 'write'] } });
    const ana = await scene.client(kind, 'ana', { auth });
    await ana.subscribe(ROOMS);
    const ben = await scene.client(RAW, 'ben', { query: { auth } });
    assert.equal((await ben.beat([ROOM])).status, 200);
    await ana.call('publish', { channel: ROOM, message: 'hello' });
    await ana.next('@message', { message: 'hello' });
    ana.hasNothing();
  }, LOCKED);

  stage.each('P48', SDKS, 'does with a group what it was granted: reads one, and has charge of another', async (scene, kind) => {
    const admin = await scene.client(JS, 'admin', { signs: true });
    await admin.call('addToGroup', { group: 'grp-1', channels: [ROOM] });
    const auth = await admin.call('grant', { ttl: 60, groups: { 'grp-1': READ, 'grp-1-pnpres': READ, 'grp-2': ['manage'] } });
    const ana = await scene.client(kind, 'ana', { auth });
    await ana.subscribe({ groups: ['grp-1'], presence: true });
    await ana.sees('join', 'ana', { channel: ROOM });
    const denied = await scene.client(kind, 'denied', { auth });
    await denied.call('subscribe', { groups: ['grp-2'] });
    await denied.next('@denied');
    if (kind === RS) return;
    await ana.call('addToGroup', { group: 'grp-2', channels: ['room-x', 'room-y'] });
    await ana.call('removeFromGroup', { group: 'grp-2', channels: ['room-x'] });
    assert.deepEqual(await ana.call('listGroup', { group: 'grp-2' }), ['room-y']);
    for (const [what, asked] of [['addToGroup', { channels: ['room-x'] }], ['removeFromGroup', { channels: [ROOM] }], ['deleteGroup', {}]]) {
      const error = await ana.call(what, { group: 'grp-1', ...asked }).then(() => assert.fail(`${what} is granted`), (raised) => raised);
      assert.equal(error.status, 403, `${what}: ${error.message}`);
    }
  }, LOCKED);

  stage.one('P48 raw', 'may do each thing with the permission that it needs, and not with another', async (scene) => {
    const admin = await scene.client(JS, 'admin', { signs: true });
    const grant = async (allowed) => admin.call('grant', { ttl: 60, channels: { [ROOM]: [allowed] } });
    const [reader, writer] = [await grant('read'), await grant('write')];
    const state = `/v2/presence/sub-key/{sub}/channel/${ROOM}/uuid/ana`;
    for (const [path, query, mayRead, mayWrite] of [
      [`/signal/{pub}/{sub}/0/${ROOM}/0/1`, {}, false, true],
      [state, {}, true, false],
      [`/v2/history/sub-key/{sub}/channel/${ROOM}`, {}, true, false],
      [`/v3/history/sub-key/{sub}/channel/${ROOM}`, {}, true, false],
      [`/v3/history/sub-key/{sub}/message-counts/${ROOM}`, { timetoken: 1 }, true, false],
    ]) {
      for (const [auth, may] of [[reader, mayRead], [writer, mayWrite]]) {
        const { status, body } = await scene.raw.get(path, { ...query, auth });
        assert.equal(status, may ? 200 : 403, `${path} for ${auth === reader ? 'a reader' : 'a writer'}: ${JSON.stringify(body)}`);
      }
    }
  }, LOCKED);

  stage.each('P48', [PY, PYA, JS], 'revokes a token, which is worth nothing from then on', async (scene, kind) => {
    const admin = await scene.client(kind, 'admin', { signs: true });
    const auth = await admin.call('grant', { ttl: 60, channels: { [ROOM]: READ } });
    const ana = await scene.client(RAW, 'ana', { query: { auth } });
    assert.equal((await ana.poll(ROOM, { tt: 0 })).status, 200);
    await admin.call('revoke', { token: auth });
    const { status, body } = await ana.poll(ROOM, { tt: 0 });
    assert.deepEqual([status, body], [403, { error: true, status: 403, service: 'Access Manager', message: 'Token is revoked' }]);
  }, LOCKED);

  if (process.env.PUBNUB_LONG) {
    stage.each('P48', [PY, JS], 'has a token that ends by itself', async (scene, kind) => {
      const admin = await scene.client(kind, 'admin', { signs: true });
      const auth = await admin.call('grant', { ttl: 1, channels: { [ROOM]: READ } });
      const ana = await scene.client(RAW, 'ana', { query: { auth } });
      const tt = await ana.handshake(ROOM);
      const begun = performance.now();
      let last;
      do last = await ana.poll(ROOM, { tt });
      while (last.status === 200 && performance.now() - begun < 90_000);
      assert.deepEqual([last.status, last.body], [403, { error: true, status: 403, service: 'Access Manager', message: 'Token is expired' }]);
      assert.ok(performance.now() - begun >= 55_000);
    }, { ...LOCKED, hold: '5s' });
  }

  stage.each('P48', [PY, JS], 'is told what is wrong with a grant', async (scene, kind) => {
    const admin = await scene.client(kind, 'admin', { signs: true });
    const wrong = async (asked) => admin.call('grant', asked).then(() => assert.fail('it is granted'), (raised) => raised);
    const long = await wrong({ ttl: 43_201, channels: { [ROOM]: READ } });
    assert.equal(long.status, 400, long.message);
    assert.match(long.text, /Range should be 1 to 43200 minute|Invalid ttl/);
    const stranger = await scene.client(kind, 'stranger', { secretKey: 'not the secret of the app, but as long' });
    const forged = await stranger.call('grant', { ttl: 60, channels: { [ROOM]: READ } }).then(() => assert.fail('it is granted'), (raised) => raised);
    assert.equal(forged.status, 403, forged.message);
  }, LOCKED);

  stage.each('P49', SDKS, 'signs everything, with names that every SDK encodes in its own way', async (scene, kind) => {
    // With asyncio the names of users, groups and what is added to them are sent as they are, and a target has no spaces.
    const user = kind === PYA ? ODD_USER.replace(' ', '') : ODD_USER;
    const ana = await scene.client(kind, user, { signs: true });
    const state = { note: '~ ( ) * ! \' / + ü', n: 1 };
    if (kind !== RS && kind !== PYA) {
      const group = 'g (one)~';
      await ana.call('addToGroup', { group, channels: [ODD_ROOM] });
      assert.deepEqual(await ana.call('listGroup', { group }), [ODD_ROOM]);
    }
    await ana.subscribe({ channels: [ODD_ROOM], presence: true });
    await ana.sees('join', user, { channel: ODD_ROOM });
    await ana.call('setState', { channels: [ODD_ROOM], state });
    assert.deepEqual((await ana.sees('state-change', user)).state, state);
    const read = await ana.call('getState', { channels: [ODD_ROOM] });
    assert.deepEqual((kind === JS && read.channels ? read.channels : read)[ODD_ROOM], state);
    const { channels } = await ana.call('hereNow', { channels: [ODD_ROOM], state: true });
    assert.deepEqual(channels[ODD_ROOM].occupants, [{ uuid: user, state }]);
    assert.deepEqual(await ana.call('whereNow', { uuid: user }), [ODD_ROOM]);
    for (const [message, post] of [['got ~ ( ) *', false], [{ posted: "it's ~ ( ) * !" }, true]]) {
      await ana.call('publish', { channel: ODD_ROOM, message, post, meta: { note: '~(*)' } });
      await ana.next('@message', ({ message: heard }) => JSON.stringify(heard) === JSON.stringify(message));
    }
    if (kind === RS) await ana.call('heartbeat', { channels: [ODD_ROOM] });
    else await ana.call('time');
    await ana.unsubscribe({ channels: [ODD_ROOM] });
    const bad = ana.tap.requests.filter(({ answer }) => answer !== undefined && answer !== 200);
    assert.deepEqual(bad.map(({ target }) => target), []);
  }, LOCKED);

  stage.one('P49 raw', 'has a signature refused that is not of its request, or of another time', async (scene) => {
    const signer = await scene.client(PY, 'ana', { signs: true });
    await signer.call('hereNow', { channels: [ROOM] });
    const { target } = signer.tap.requests.at(-1);
    const ask = (changed) => send(scene.hub.port, changed);
    assert.equal((await ask(target)).status, 200, 'a request that is sent again within its time');
    const flipped = target.replace(/signature=(v2\.)?(.)/, (_, version = '', first) => `signature=${version}${first === 'A' ? 'B' : 'A'}`);
    const forged = await ask(flipped);
    assert.deepEqual([forged.status, forged.body.service], [403, 'Access Manager']);
    assert.equal((await ask(target.replace(ROOM, 'room-b'))).status, 403);
    const [, stamp] = /timestamp=(\d+)/.exec(target);
    const late = await ask(target.replace(stamp, String(Number(stamp) - 120)));
    assert.deepEqual([late.status, late.body], [400, { message: 'Invalid Timestamp', error: true, service: 'Access Manager', status: 400 }]);
  }, LOCKED);

  for (const kind of SDKS) {
    const neighbour = stage.app();
    stage.one(`P50 ${kind.name}`, 'hears nothing of a channel of the same name with another key', async (scene) => {
      const ana = await scene.inside(kind, 'ana');
      const ben = await scene.client(kind, 'ben', { app: neighbour });
      await ben.subscribe(ROOMS);
      await ben.sees('join', 'ben', { occupancy: 1 });
      await ben.call('publish', { channel: ROOM, message: 'elsewhere' });
      await ben.next('@message', { message: 'elsewhere' });
      assert.deepEqual(await ben.call('whereNow', { uuid: 'ana' }), []);
      await scene.settle(ROOM, ana);
      ana.hasNothing();
      assert.deepEqual(await scene.users(), ['ana']);
    });
  }
  const stranger = stage.app();
  stage.one('P50 raw', 'has people, states, groups and messages of its own beside another key with the same names', async (scene) => {
    const group = '/v1/channel-registration/sub-key/{sub}/channel-group/grp-1';
    const state = `/v2/presence/sub-key/{sub}/channel/${ROOM}/uuid/ana`;
    const there = await scene.client(RAW, 'ana', { app: stranger });
    await there.beat([ROOM], { state: { [ROOM]: { of: 'the other' } } });
    await there.get(group, { add: 'room-z' });
    await there.get(`/publish/{pub}/{sub}/0/${ROOM}/0/%22elsewhere%22`);
    const read = async (path) => (await scene.raw.get(path)).body;
    const nobody = { status: 200, message: 'OK', service: 'Presence' };
    assert.deepEqual((await read('/v2/presence/sub-key/{sub}')).payload.channels, {});
    assert.deepEqual(await scene.users(), []);
    assert.deepEqual((await read('/v2/presence/sub-key/{sub}/uuid/ana')).payload.channels, []);
    assert.deepEqual(await read(state), { ...nobody, uuid: 'ana', payload: {}, channel: ROOM });
    assert.deepEqual((await read(group)).payload.channels, []);
    assert.deepEqual(await read(`/v2/history/sub-key/{sub}/channel/${ROOM}`), [[], 0, 0]);
    await scene.raw.get(`${group}/remove`);
    await (await scene.client(RAW, 'ana')).get(`/v2/presence/sub-key/{sub}/channel/${ROOM}/leave`);
    const { body } = await there.get('/v2/presence/sub-key/{sub}');
    assert.deepEqual(body.payload.channels, { [ROOM]: { occupancy: 1, uuids: ['ana'] } });
    assert.deepEqual((await there.get(group)).body.payload.channels, ['room-z']);
    assert.deepEqual((await there.get(state)).body.payload, { of: 'the other' });
  });

  stage.one('P50 raw', 'is served to a page of any origin', async (scene) => {
    const origin = { origin: 'https://page.example.test' };
    for (const [path, query] of [['/v2/subscribe/{sub}/room-a/0', { tt: 0 }], ['/publish/{pub}/{sub}/0/room-a/0/1', {}], ['/v2/presence/sub-key/{sub}/channel/room-a', {}], ['/v1/channel-registration/sub-key/{sub}/channel-group', {}], ['/time/0', {}]]) {
      const got = await scene.raw.get(path, query, { headers: origin });
      assert.equal(got.status, 200, path);
      assert.equal(got.headers['access-control-allow-origin'], '*', path);
      assert.match(got.headers['access-control-allow-methods'] ?? '', /GET/, path);
      assert.match(got.headers['cache-control'] ?? '', /no-cache/, path);
      assert.match(got.headers['content-type'], /javascript|json/, path);
      const asked = await scene.raw.get(path, query, { method: 'OPTIONS', headers: { ...origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'content-type' } });
      assert.ok(asked.status < 300, `${path}: ${asked.status}`);
      assert.equal(asked.headers['access-control-allow-origin'], '*', path);
    }
  });
});
