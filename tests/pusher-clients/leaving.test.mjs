// Leaving by accident: processes that die or stop, networks that are lost, pages that are loaded again (U45-U47, U72 without its webhooks).

import assert from 'node:assert/strict';
import { CHILD, JS, NODE, PYS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';
import { PATIENCE } from '../kit/patience.mjs';

const ROOM = 'presence-room';
const STRICT = { pusher: { strict: true } };

suite('leaving', (stage) => {
  stage.one('U45 JS', 'is killed, and has left at once where that is strict', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const killed = await scene.member(CHILD, ROOM, 'a');
    await watcher.next('@added');
    killed.signal('SIGKILL');
    assert.equal((await watcher.next('@removed')).id, 'a');
    await watcher.isQuiet();
  }, STRICT);

  stage.one('U45 JS', 'is killed, and leaves once its grace is over', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const killed = await scene.member(CHILD, ROOM, 'a');
    await watcher.next('@added');
    killed.signal('SIGKILL');
    await watcher.isQuiet('of somebody whose grace has begun');
    await watcher.next('@removed', { id: 'a' }, PATIENCE.leave);
    await watcher.isQuiet();
  });

  stage.one('U46 JS', 'is stopped, and leaves once', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const stopped = await scene.member(CHILD, ROOM, 'a');
    await watcher.next('@added');
    stopped.signal('SIGSTOP');
    await watcher.next('@removed', { id: 'a' }, PATIENCE.leave);
    await watcher.isQuiet();
    assert.deepEqual(await scene.backend(NODE).users(ROOM), { users: [{ id: 'w' }] });
  }, STRICT);

  stage.one('U47 JS', 'returns while its old connection only seems to be open, and nobody sees it go or come', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w', {}, { listen: ['@count'] });
    await watcher.subscribe('pub');
    const old = await scene.member(JS, ROOM, 'a');
    await old.subscribe('pub');
    await watcher.next('@added');
    await watcher.next('@count', { count: 2 });
    // The count of itself alone may have been told, or have been overtaken.
    watcher.inbox.take();
    old.wire.freeze();
    const back = await scene.member(JS, ROOM, 'a');
    assert.equal(back.members(ROOM).count, 2);
    // The subscription of the old connection ends with it.
    await watcher.next('@count', { count: 1 }, PATIENCE.leave);
    await watcher.isQuiet('of somebody who never left');
    assert.equal(watcher.members(ROOM).count, 2);
    back.unsubscribe(ROOM);
    await watcher.next('@removed', { id: 'a' });
    await watcher.isQuiet();
  }, STRICT);

  for (const kind of [JS, PYS]) {
    stage.one(`U72 ${kind.name}`, 'goes and is back within the grace, as with a page that is loaded again, and nobody is told', async (scene) => {
      const watcher = await scene.member(kind, ROOM, 'w');
      const before = await scene.member(JS, ROOM, 'a');
      await watcher.next('@added');
      before.close();
      await scene.member(JS, ROOM, 'a');
      // Who goes later and stays away is told to leave later, too.
      const sentinel = await scene.member(JS, ROOM, 'z');
      await watcher.next('@added', { id: 'z' });
      sentinel.close();
      assert.equal((await watcher.next('@removed', {}, PATIENCE.leave)).id, 'z');
      await watcher.isQuiet();
    });
  }

  stage.one('U72 JS', 'is seen to go and to come back where that is strict', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const before = await scene.member(JS, ROOM, 'a');
    await watcher.next('@added');
    before.close();
    await watcher.next('@removed', { id: 'a' });
    await scene.member(JS, ROOM, 'a');
    await watcher.next('@added', { id: 'a' });
    await watcher.isQuiet();
  }, STRICT);

  stage.one('U47 JS', 'has its network cut and is back by itself, subscribed and signed in, before its grace is over', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const user = { id: 'a', user_id: 'a', user_info: { name: 'Ann' } };
    const client = await scene.signed(user);
    await client.subscribe(ROOM);
    await client.subscribe('private-x');
    await watcher.next('@added');
    client.wire.cut();
    await client.next('@signin', undefined, PATIENCE.leave);
    for (const channel of [ROOM, 'private-x']) await client.next('@subscribed', { channel }, PATIENCE.leave);
    assert.equal(client.members(ROOM).count, 2);
    assert.equal(client.connects, 2);
    await scene.backend(NODE).sendToUser('a', 'hey', 1);
    await client.next('hey');
    await watcher.isQuiet();
  });
}, { settings: { 'limits.ping_interval': '1s', 'limits.pong_timeout': '2s' } });

suite('leaving, with the settings that nobody has touched', (stage) => {
  stage.each('U46', [CHILD, PYS], 'is stopped or cut off without a word, and has left once, within 75 s', async (scene, kind) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const lost = await scene.member(kind, ROOM, 'a');
    await watcher.next('@added');
    if (kind === CHILD) lost.signal('SIGSTOP');
    else lost.wire.freeze();
    await watcher.next('@removed', { id: 'a' }, 75_000);
    await watcher.isQuiet();
  });
});
