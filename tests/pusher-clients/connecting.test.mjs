// Connecting, being refused, and staying connected (U1-U13).

import assert from 'node:assert/strict';
import { APY, CLIENTS, JS, NODE, PY3, PYS, RAW } from './kit/kinds.mjs';
import { moves } from './kit/moving.mjs';
import { suite } from './kit/scene.mjs';
import { PATIENCE } from '../kit/patience.mjs';

/** A silent connection is looked after this often, in milliseconds. */
const IDLE = 1_000;

suite('connecting', (stage) => {
  stage.each('U1', CLIENTS, 'connects', async (scene, kind) => {
    const client = await scene.connected(kind, 'somebody', { user: { user_id: 1 }, pusher: { activityTimeout: 300_000 } });
    assert.match(client.socketId, /^\d+\.\d+$/);
    if (client.library) assert.equal(client.library.connection.activityTimeout, 120_000, 'what the hub says is less');
    await client.isQuiet();
  });

  stage.one('U2 PYS PY3', 'has its empty ping answered with data, and hears what a backend says', async (scene) => {
    const client = await scene.connected(PYS, 'py', { listen: ['ev', '@pong'] });
    await client.saySubscribe('pub');
    const { data } = await client.next('@pong');
    assert.deepEqual(data, {});
    await client.next('@subscribed', { channel: 'pub' });
    await scene.backend(PY3).trigger('pub', 'ev', { hello: 'wörld' });
    assert.equal((await client.next('ev')).data, '{"hello": "wörld"}');
  });

  stage.one('U3 JS', 'is told that its key is unknown, and does not come again', async (scene) => {
    const client = await scene.client(JS, 'lost', { app: { ...scene.app, key: 'nope' } });
    assert.equal((await client.next('@error')).code, 4001);
    await isFinal(client);
  });

  stage.each('U3', [PYS, APY], 'is told that its key is unknown, and does not come again', async (scene, kind) => {
    const client = await scene.client(kind, 'lost', { app: { ...scene.app, key: 'nope' }, reconnect: 0.01 });
    assert.equal((await client.next('@error')).code, 4001);
    await client.next('@over');
    assert.equal((await client.standing()).isOver, true);
    if (kind === PYS) assert.equal((await client.standing()).state, 'disconnected');
    assert.equal(client.wire.connections, 1);
  });

  stage.one('U5 JS', 'is told that the app is disabled', async (scene) => {
    const client = await scene.client(JS);
    assert.equal((await client.next('@error')).code, 4003);
    await isFinal(client);
  }, { pusher: { enabled: false } });

  stage.one('U5 JS', 'is told that the app has as many connections as it may', async (scene) => {
    const first = await scene.connected(JS, 'first');
    const second = await scene.client(JS, 'second');
    assert.equal((await second.next('@error')).code, 4004);
    await isFinal(second);
    await first.isQuiet();
  }, { pusher: { connections: 1 } });

  stage.one('U7 JS', 'pings when it wants to and stays connected without traffic', async (scene) => {
    const client = await scene.connected(JS, 'silent', { pusher: { activityTimeout: 200, pongTimeout: 2_000 } });
    let pongs = 0;
    await new Promise((resolve) => (client.pongs = () => (pongs += 1) === 20 && resolve()));
    assert.deepEqual(client.states.slice(-1), ['connected']);
    assert.deepEqual([client.connects, client.wire.connections], [1, 1]);
  });

  stage.one('U8 JS ECHO PYS APY', 'and RAW stay connected for five times the time after which the hub looks after them', async (scene) => {
    const kinds = [...CLIENTS, RAW];
    const clients = await Promise.all(kinds.map((kind) => scene.connected(kind, 'silent', { user: { user_id: 1 } })));
    const sentinel = await scene.connected(RAW, 'sentinel');
    for (let n = 0; n < 5; n += 1) await sentinel.next('@ping', undefined, PATIENCE.leave);
    await Promise.all(clients.map((client) => client.fence()));
    for (const client of clients) assert.deepEqual([client.connects, client.wire.connections], [1, 1], client.name);
  });

  stage.one('U9 RAW', 'that answers nothing is closed with 4201', async (scene) => {
    const client = await scene.connected(RAW, 'mute', { socket: { autoPong: false } });
    assert.equal((await client.next('@disconnected', {}, PATIENCE.leave)).code, 4201);
  });

  stage.one('U10 JS NODE', 'connects and calls under the prefix of the app', async (scene) => {
    const client = await scene.connected(JS, 'behind', { path: '/hub' });
    await client.subscribe('pub');
    const backend = scene.backend(NODE);
    const body = { name: 'ev', channel: 'pub', data: '7' };
    assert.deepEqual(await backend.send('POST', '/events', { before: '/hub', body }), { status: 200, text: '{}' });
    assert.deepEqual(await client.next('ev'), { channel: 'pub', data: 7 });
    assert.equal((await backend.send('GET', '/channels/pub', { before: '/hub' })).text, '{"occupied":true}');
  }, { pusher: { path: '/hub' } });

  stage.one('U13 JS', 'may try what is no WebSocket, which is answered at once, and connects by its WebSocket', async (scene) => {
    const { port } = scene.hub;
    for (const method of ['GET', 'POST']) {
      const { status } = await fetch(`http://127.0.0.1:${port}/pusher/app/${scene.app.key}/1/abcdefgh/xhr_streaming`, { method });
      assert.equal(status, 404);
    }
    const pusher = { enabledTransports: ['ws', 'xhr_streaming', 'xhr_polling'], httpHost: '127.0.0.1', httpPort: port };
    await (await scene.connected(JS, 'any', { pusher })).isQuiet();
  });

  stage.one('U12 JS PYS APY', 'come back from a hub that drains, to another, spread over the time it takes', async (scene) => {
    await moves(scene, [...Array(40).fill(JS), ...Array(4).fill(PYS), ...Array(2).fill(APY)], DRAIN);
  });
}, { settings: { 'limits.ping_interval': `${IDLE}ms`, 'limits.pong_timeout': '3s' } });

const DRAIN = { 'drain.window': '2s', 'drain.timeout': '5s' };

/** The library has given up, and says so. */
async function isFinal(client) {
  await client.next('@disconnected');
  assert.equal(client.state, 'disconnected');
  assert.equal(client.isRetrying, false);
  assert.equal(client.wire.connections, 1);
}
