// Failure (P45-P47): lost networks, restarts, overload, and what goes wrong by name.

import assert from 'node:assert/strict';
import { JS, PY, PYA, RAW, RS, SDKS } from './kit/kinds.mjs';
import { PATIENCE } from '../kit/patience.mjs';
import { refused } from './kit/refused.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'room-a';
const ROOMS = { channels: [ROOM], presence: true };
/** Those that come back by themselves, Python where it is told so. */
const FAITHFUL = [PY, PYA, JS];

/** A client knows that it has lost the hub. With asyncio the SDK says then that it has it again. */
const notices = (client) => client.next(client.kind === PYA ? '@reconnected' : '@disconnected', undefined, PATIENCE.leave);

suite('failing', (stage) => {
  stage.each('P45', FAITHFUL, 'loses its network, comes back by itself with its old cursor, and has missed nothing', async (scene, kind) => {
    const ana = await scene.inside(kind, 'ana', ROOM, { reconnect: true });
    const watcher = await scene.watcher();
    await ana.polls();
    ana.wire.down();
    for (const n of [1, 2, 3]) await scene.publish(ROOM, n);
    await notices(ana);
    ana.wire.up();
    for (const n of [1, 2, 3]) await ana.next('@message', { message: n }, PATIENCE.leave);
    assert.equal(ana.inbox.arrivals.filter(({ event }) => event === '@message').length, 0, 'nothing comes twice');
    await scene.settlePresence(ROOM, watcher);
    watcher.hasNothing('of somebody who was within the time');
  });

  /** A hub of the test's own. */
  async function ownHub(scene) {
    const hub = await scene.stage.startHub();
    scene.keep({ dispose: () => hub.end() });
    return hub;
  }

  stage.each('P45', FAITHFUL, 'finds a hub that was started anew, what was said there before it came, and timetokens that have not gone back', async (scene, kind) => {
    const first = await ownHub(scene);
    const ana = await scene.inside(kind, 'ana', ROOM, { reconnect: true, port: first.port });
    const before = await scene.client(RAW, 'before', { port: first.port });
    const earlier = await before.handshake(ROOM);
    await ana.polls();
    ana.wire.down();
    await first.end();
    await notices(ana);
    const second = await ownHub(scene);
    const after = await scene.client(RAW, 'after', { port: second.port });
    await after.get(`/publish/{pub}/{sub}/0/${ROOM}/0/%22between%22`);
    ana.wire.leadTo(second.port);
    ana.wire.up();
    await ana.sees('join', 'ana', {}, 2 * PATIENCE.leave);
    await ana.next('@message', { message: 'between' });
    await after.get(`/publish/{pub}/{sub}/0/${ROOM}/0/%22back%22`);
    const { tt } = await ana.next('@message', { message: 'back' });
    assert.ok(BigInt(tt) > BigInt(earlier));
    const { body } = await after.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}`);
    assert.deepEqual(body.uuids, ['ana']);
  });

  stage.one('P45 raw', 'has its poll answered with its cursor when the hub goes', async (scene) => {
    const hub = await ownHub(scene);
    const ana = await scene.client(RAW, 'ana', { port: hub.port });
    const tt = await ana.handshake(ROOM);
    const poll = await ana.hold(ROOM, { tt });
    hub.drain();
    const { status, body } = await poll.answer;
    assert.deepEqual([status, body], [200, { t: { t: tt, r: 1 }, m: [] }]);
  });

  stage.each('P45', SDKS, 'stays subscribed when its hub goes and another is there', async (scene, kind) => {
    const first = await ownHub(scene);
    const second = await ownHub(scene);
    const ana = await scene.inside(kind, 'ana', ROOM, { port: first.port });
    await ana.polls();
    ana.wire.leadTo(second.port);
    await first.drain();
    ana.options.port = second.port;
    await ana.sees('join', 'ana', {}, 2 * PATIENCE.leave);
    const other = await scene.client(RAW, 'other', { port: second.port });
    await other.get(`/publish/{pub}/{sub}/0/${ROOM}/0/%22hello%22`);
    await ana.next('@message', { message: 'hello' });
    ana.hasNothing('of a disconnection');
  });

  stage.one('P46 raw', 'is told to come back later when there are too many polls, and never 5xx', async (scene) => {
    const tt = await scene.raw.handshake(ROOM);
    const holders = [];
    for (const name of ['h1', 'h2']) holders.push(await (await scene.client(RAW, name)).hold('elsewhere', { tt }));
    const shed = await scene.raw.poll(ROOM, { tt });
    const { status, error, message } = shed.body;
    assert.deepEqual([shed.status, status, error, message], [429, 429, true, 'Too many requests.']);
    assert.match(shed.headers['retry-after'], /^\d+$/);
    assert.ok(shed.headers['content-type']);
    for (const version of ['0.3.0', '0.4.0']) {
      const slow = await scene.raw.poll(ROOM, { tt, pnsdk: `PubNub-Rust%2F${version}` });
      assert.deepEqual([slow.status, slow.body], [200, { t: { t: tt, r: 1 }, m: [] }]);
      assert.ok(slow.ms >= 900, `after ${slow.ms} ms`);
    }
    for (const { close } of holders) close();
  }, { polls: 2, hold: '30s' });

  stage.one('P46 Rs', 'is not driven into a loop by too many polls', async (scene) => {
    const tt = await scene.raw.handshake(ROOM);
    await scene.raw.hold('elsewhere', { tt });
    const ana = await scene.client(RS, 'ana');
    await ana.subscribe(ROOMS);
    const begun = performance.now();
    const polls = () => ana.tap.to('v2/subscribe').filter(({ answer, target }) => answer === 200 && !target.includes('tt=0&') && !target.endsWith('tt=0'));
    await ana.tap.until(() => polls().length >= 1, 'a slow answer');
    assert.ok(performance.now() - begun >= 900);
    await ana.polls();
    assert.deepEqual([ana.tap.requests.length, ana.tap.requests.filter(({ answer }) => answer !== undefined && answer !== 200)], [3, []]);
  }, { polls: 1, hold: '30s' });

  /** What a refusal names, where the SDK hands it on: with Python it is in what the hub said. */
  const names = ({ channels, groups }) => [channels ?? [], groups ?? []].flat();

  stage.each('P47', SDKS, 'is denied a channel, and told which', async (scene, kind) => {
    const ana = await scene.client(kind, 'ana');
    await ana.call('subscribe', { channels: [ROOM] });
    assert.deepEqual(names(await ana.next('@denied')), [ROOM]);
    for (const [what, asked, named] of refused(kind, ROOM)) {
      const error = await ana.call(what, asked).then(() => assert.fail(`${what} is not refused`), (raised) => raised);
      assert.equal(error.status, 403, `${what}: ${error.message}`);
      if (named) assert.deepEqual(names(error), [ROOM], what);
    }
  }, { access_manager: true });

  stage.each('P47', SDKS, 'is denied a group, and told which', async (scene, kind) => {
    // The hub writes a colon before it, which Python takes off.
    const name = [PY, PYA].includes(kind) ? 'grp-1' : ':grp-1';
    const ana = await scene.client(kind, 'ana');
    await ana.call('subscribe', { groups: ['grp-1'] });
    assert.deepEqual(names(await ana.next('@denied')), [name]);
    const error = await ana.call('hereNow', { groups: ['grp-1'] }).then(() => assert.fail('it is not refused'), (raised) => raised);
    assert.equal(error.status, 403, error.message);
    if ([JS, RS].includes(kind)) assert.deepEqual(names(error), [name]);
  }, { access_manager: true });

  stage.one('P47 raw', 'is denied with the names of what is denied', async (scene) => {
    const forbidden = (payload) => ({ message: 'Forbidden', payload, error: true, service: 'Access Manager', status: 403 });
    const channel = await scene.raw.poll(ROOM, { tt: 0 });
    assert.deepEqual([channel.status, channel.body], [403, forbidden({ channels: [ROOM] })]);
    const group = await scene.raw.poll(',', { tt: 0, groups: 'grp-1' });
    assert.deepEqual([group.status, group.body], [403, forbidden({ 'channel-groups': [':grp-1'] })]);
    const said = await scene.raw.get(`/publish/{pub}/{sub}/0/${ROOM}/0/1`);
    assert.deepEqual([said.status, said.body.payload], [403, { channels: [ROOM] }]);
  }, { access_manager: true });

  stage.each('P47', SDKS, 'has a subscribe key that nobody knows', async (scene, kind) => {
    const ana = await scene.client(kind, 'ana', { subscribeKey: 'sub-c-unknown' });
    await ana.call('subscribe', { channels: [ROOM] });
    const { category } = await ana.next('@refused');
    assert.ok(category);
    const error = await ana.call('hereNow', { channels: [ROOM] }).then(() => assert.fail('the key is not known'), (raised) => raised);
    assert.equal(error.status, 400, error.message);
    if (kind === RS) assert.equal(error.name, 'API');
  });

  stage.each('P47', SDKS, 'has a publish key that nobody knows', async (scene, kind) => {
    const ana = await scene.client(kind, 'ana', { publishKey: 'pub-c-unknown' });
    const error = await ana.call('publish', { channel: ROOM, message: 1 }).then(() => assert.fail('the key is not known'), (raised) => raised);
    assert.match(JSON.stringify([error.text, error.status]), /Invalid Key|400/);
  });

  const long = 'x'.repeat(93);
  for (const [what, path, query, expected] of [
    ['an unknown path', '/v2/presence/sub-key/{sub}/nothing', {}, [404, { message: "Not found: '/v2/presence/sub-key/{sub}/nothing'", error: true, service: 'Presence', status: 404 }]],
    ['an unknown subscribe key', '/v2/subscribe/unknown/room-a/0', { tt: 0 }, [400, { message: 'Invalid Subscribe Key', error: true, service: 'Access Manager', status: 400 }]],
    ['an unknown subscribe key', '/v2/presence/sub_key/unknown/channel/room-a', {}, [400, { message: 'Invalid Subscribe Key', error: true, service: 'Access Manager', status: 400 }]],
    ['an unknown publish key', '/publish/wrong/{sub}/0/room-a/0/1', {}, [400, [0, 'Invalid Key', /^\d{17}$/]]],
    ['a message that is no JSON', '/publish/{pub}/{sub}/0/room-a/0/%7B', {}, [400, [0, 'Invalid JSON', /^\d{17}$/]]],
    ['a big signal', `/signal/{pub}/{sub}/0/room-a/0/%22${'s'.repeat(600)}%22`, {}, [400, [0, 'Signal size too large', /^\d{17}$/]]],
    ['a long target', `/publish/{pub}/{sub}/0/room-a/0/%22${'m'.repeat(33_000)}%22`, {}, [414, { status: 414, service: 'Balancer', error: true, message: 'Request URI Too Long' }]],
    ['a group with a reserved character', '/v1/channel-registration/sub-key/{sub}/channel-group/grp%2C1', { add: 'room-a' }, [400, { status: 400, message: 'Reserved character in input parameters.', service: 'channel-registry', error: true }]],
    ['a cursor that is none', '/v2/subscribe/{sub}/room-a/0', { tt: 'soon' }, [400, undefined]],
    ['a heartbeat that is no number', '/v2/presence/sub-key/{sub}/channel/room-a/heartbeat', { heartbeat: 'soon' }, [400, undefined]],
    ['a long channel', `/v2/presence/sub-key/{sub}/channel/${long}/heartbeat`, {}, [400, undefined]],
  ]) {
    stage.one('P47 raw', `is told of ${what}: ${path.slice(0, 24)}`, async (scene) => {
      const { status, body, headers } = await scene.raw.get(path, query);
      assert.equal(status, expected[0], JSON.stringify(body));
      assert.ok(headers['content-type'], 'a content type');
      assert.equal(headers['access-control-allow-origin'], '*');
      if (Array.isArray(expected[1])) {
        assert.deepEqual(body.slice(0, 2), expected[1].slice(0, 2));
        assert.match(body[2], expected[1][2]);
      } else if (expected[1]) {
        const { subscribe_key: key } = scene.app.pubnub;
        assert.deepEqual({ ...body, message: body.message.replace(key, '{sub}') }, expected[1]);
      } else assert.deepEqual([body.error, body.status, typeof body.message], [true, status, 'string']);
    });
  }

  stage.one('P47 raw', 'is told of a message that is too large, posted or not', async (scene) => {
    const body = JSON.stringify('m'.repeat(33_000));
    const said = await scene.raw.get('/publish/{pub}/{sub}/0/room-a/0', {}, { method: 'POST', body });
    assert.deepEqual([said.status, said.body[0], said.body[1]], [400, 0, 'Message Too Large']);
  });
});
