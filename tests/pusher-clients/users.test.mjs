// Users who sign in: what is theirs, who watches them, and how they are sent away (U34, U35, U61-U66).

import assert from 'node:assert/strict';
import { settle } from './kit/clients/client.mjs';
import { JS, NODE, PY3, PYS, RAW } from './kit/kinds.mjs';
import { exactly } from '../kit/like.mjs';
import { suite } from './kit/scene.mjs';

const SENDERS = [NODE, PY3];

suite('users', (stage) => {
  stage.each('U34 JS', SENDERS, 'loses all connections of its user, and does not come back', async (scene, kind) => {
    const tabs = [await scene.signed({ id: '42' }), await scene.signed({ id: '42' })];
    const [other, present] = [await scene.signed({ id: '43' }), await scene.member(JS, 'presence-room', '42')];
    assert.deepEqual(await scene.backend(kind).terminate('42'), {});
    for (const tab of tabs) {
      assert.equal((await tab.next('@error')).code, 4009);
      await tab.next('@disconnected');
      assert.deepEqual([tab.state, tab.isRetrying, tab.wire.connections], ['disconnected', false, 1]);
    }
    for (const one of [other, present]) await one.isQuiet();
    await scene.signed({ id: '42' });
  });

  stage.one('U34 NODE', 'terminates a user whose id has to be escaped', async (scene) => {
    const tab = await scene.signed({ id: 'u 1|x' });
    assert.deepEqual(await scene.backend(NODE).terminate('u 1|x'), {});
    await tab.next('@disconnected');
  });

  stage.each('U35 JS', [PY3, NODE], 'signs in and subscribes with what the application made', async (scene, kind) => {
    const backend = scene.backend(kind);
    const user = { id: '42', user_info: { name: 'Änn' }, watchlist: ['7'] };
    const authenticate = (socketId) => backend.authenticate(socketId, user);
    const authorize = (socketId, channel) => backend.authorize(channel, socketId, ...(channel.startsWith('presence-') ? [{ user_id: '42' }] : []));
    const client = await scene.signed(user, { authenticate, authorize });
    assert.deepEqual(client.library.user.user_data, user);
    for (const channel of ['private-x', 'presence-x']) await client.subscribe(channel);
  });

  stage.each('U61 JS', SENDERS, 'gets what is sent to its user in all tabs, and nobody else does', async (scene, kind) => {
    const tabs = [await scene.signed({ id: '42', user_info: { a: 1 } }), await scene.signed({ id: '42' })];
    assert.deepEqual(tabs[0].library.user.user_data, { id: '42', user_info: { a: 1 } });
    const others = [await scene.signed({ id: '43' }), await scene.member(JS, 'presence-room', '42'), await scene.connected(JS, 'nobody')];
    await settle(...tabs);
    assert.deepEqual(await scene.backend(kind).sendToUser('42', 'hey', { n: 1 }), {});
    for (const tab of tabs) assert.deepEqual(await tab.next('hey'), { channel: '#user', data: { n: 1 } });
    for (const one of [...tabs, ...others]) await one.isQuiet();
    assert.deepEqual(await scene.backend(kind).sendToUser('44', 'hey', { n: 1 }), {}, 'nobody is there');
  });

  stage.one('U61 NODE', 'sends to users by the path of their own', async (scene) => {
    const tab = await scene.signed({ id: '42' });
    await tab.fence();
    assert.deepEqual(await scene.backend(NODE).post('/users/42/events', { name: 'hey', data: '{"n":2}' }), {});
    assert.deepEqual(await tab.next('hey'), { channel: '#user', data: { n: 2 } });
  });

  stage.one('U62 JS', 'stays who it is when it signs in as somebody else or with a forged signature', async (scene) => {
    const backend = scene.backend(NODE);
    const client = await scene.signed({ id: '1' });
    const { socketId } = client;
    client.say('pusher:signin', backend.authenticate(socketId, { id: '2' }));
    await client.next('@error');
    client.say('pusher:signin', backend.authenticate(socketId, { id: '1' }));
    await client.next('@signin');
    await client.next('@error', { message: 'Existing subscription to channel #server-to-user-1' });
    for (const forged of [
      { ...backend.authenticate(socketId, { id: '1' }), user_data: '{"id":"2"}' },
      backend.authenticate('1.2', { id: '1' }),
      { auth: `${scene.app.key}:00`, user_data: '{"id":"1"}' },
      { user_data: '{"id":"1"}' },
    ]) {
      client.say('pusher:signin', forged);
      await client.next('@error');
    }
    await client.isQuiet();
    await backend.sendToUser('1', 'hey', 1);
    await client.next('hey');
    await backend.sendToUser('2', 'hey', 1);
    await client.isQuiet();
    const nobody = await scene.connected(JS, 'nobody');
    for (const user of ['{"id":7}', '{"id":""}', '{}', '[]', 'no']) {
      const auth = `${scene.app.key}:${backend.library.config.token.sign(`${nobody.socketId}::user::${user}`)}`;
      nobody.say('pusher:signin', { auth, user_data: user });
      await nobody.next('@error');
    }
    await nobody.isQuiet();
    assert.equal(nobody.state, 'connected');
  });

  stage.one('U63 PYS', 'cannot listen to a user, nor to another channel of the hub\'s own, and nobody sees these channels', async (scene) => {
    const listener = await scene.connected(PYS, 'curious', { listen: ['hey'] });
    const user = await scene.signed({ id: '42' });
    const other = await scene.signed({ id: '43' });
    for (const channel of ['#server-to-user-42', '#other', '#server-to-user-']) {
      await listener.saySubscribe(channel);
      assert.equal((await listener.next('@error')).code, null);
    }
    other.say('pusher:subscribe', { channel: '#server-to-user-42', auth: '' });
    assert.equal((await other.next('@error')).code, null);
    const backend = scene.backend(NODE);
    await settle(user, other, listener);
    const { channels } = await backend.channels();
    assert.deepEqual(Object.keys(channels).filter((name) => !name.startsWith('fence-')), []);
    await backend.sendToUser('42', 'hey', 1);
    await user.next('hey');
    for (const one of [listener, other]) await one.isQuiet();
  });

  stage.one('U65 JS', 'is told which of its watched users are there, come and go', async (scene) => {
    const b = await scene.signed({ id: 'b' });
    const watcher = await scene.signed({ id: 'a', watchlist: ['b', 'c'] });
    await watcher.next('@online', exactly(['b']));
    await watcher.next('@offline', exactly(['c']));
    const c = await scene.signed({ id: 'c' });
    await watcher.next('@online', exactly(['c']));
    const second = await scene.signed({ id: 'c' });
    await scene.signed({ id: 'd' });
    await settle(second, watcher);
    await watcher.isQuiet('of a second tab and of somebody unwatched');
    c.close();
    second.close();
    await watcher.next('@offline', exactly(['c']));
    await watcher.isQuiet();
    await b.isQuiet('for it watches nobody');
  });

  stage.one('U65 JS', 'watches the first hundred of a longer list', async (scene) => {
    const ids = Array.from({ length: 101 }, (_, n) => `u${n}`);
    const watcher = await scene.connected(JS, 'a', { user: { id: 'a', watchlist: ids } });
    await watcher.signin();
    assert.equal((await watcher.next('@error')).code, 4302);
    assert.deepEqual((await watcher.next('@offline')).sort(), ids.slice(0, 100).sort());
    await scene.signed({ id: 'u100' });
    await scene.signed({ id: 'u99' });
    await watcher.next('@online', exactly(['u99']));
    await watcher.isQuiet();
  });

  stage.one('U66 JS', 'is sent away when it shows nobody\'s authority in time, and stays when it has shown one', async (scene) => {
    const kept = [await scene.subscribed(JS, 'private-x'), await scene.signed({ id: '1' }), await scene.member(JS, 'presence-x', '1')];
    const stranger = await scene.subscribed(JS, 'pub');
    assert.equal((await stranger.next('@error')).code, 4009);
    await stranger.next('@disconnected');
    assert.equal(stranger.isRetrying, false);
    for (const one of kept) await one.isQuiet();
  }, { pusher: { authorized_connections: true, authorization_timeout: '1s' } });

  stage.one('U66 RAW', 'with an option that is off, stays without any authority', async (scene) => {
    await (await scene.subscribed(RAW, 'pub')).isQuiet();
  }, { pusher: { authorization_timeout: '1ms' } });
});
