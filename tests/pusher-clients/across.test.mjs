// One roster for all dialects: `/ws` clients see Pusher's members in the topic of the same name, and the other way round.

import assert from 'node:assert/strict';
import { settle } from './kit/clients/client.mjs';
import { APY, ECHO, JS, NODE, PY3, PYR, PYS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';
import { PATIENCE } from '../kit/patience.mjs';

const ROOM = 'presence-room';
const OPEN = { open_topics: true };

suite('across dialects', (stage) => {
  stage.each('WS', [JS, PYS, APY], 'sees a member come and go, and is seen', async (scene, kind) => {
    const nora = await scene.native('nora', ROOM);
    await nora.online(ROOM, { mood: 'good' });
    const ann = await scene.member(kind, ROOM, 'ann', { name: 'Ann', team: 7 });
    assert.deepEqual([ann.subscribed.count, ann.subscribed.ids], [2, ['ann', 'nora']]);
    const seen = await nora.hears('online', 'ann');
    assert.equal(seen.sender.displayname, 'Ann');
    assert.deepEqual(seen.content.state, { name: 'Ann', team: 7 });
    nora.leaves(ROOM);
    assert.equal((await ann.next('@removed')).id, 'nora');
    await nora.online(ROOM);
    const { id, info } = await ann.next('@added');
    assert.deepEqual([id, info.name], ['nora', 'nora Native']);
    await ann.unsubscribe(ROOM);
    await nora.hears('leaves', 'ann');
  }, OPEN);

  stage.one('WS ECHO', 'is here for Laravel', async (scene) => {
    const nora = await scene.native('nora', ROOM);
    await nora.online(ROOM);
    const ann = await scene.connected(ECHO, 'ann', { user: { user_id: 7, user_info: { name: 'Ann' } } });
    ann.join('room');
    const { data } = await ann.next('@here');
    assert.deepEqual(data.map(({ name }) => name).sort(), ['Ann', 'nora Native']);
    await nora.hears('online', '7');
    nora.leaves(ROOM);
    assert.equal((await ann.next('@leaving')).data.name, 'nora Native');
  }, OPEN);

  stage.each('WS', [NODE, PY3, PYR], 'is one user of the channel for a backend, whose events it hears', async (scene, kind) => {
    const backend = scene.backend(kind, { environment: kind === PYR ? { ALONE: 'across' } : undefined });
    const nora = await scene.native('nora', ROOM);
    await nora.online(ROOM);
    await scene.member(JS, ROOM, 'nora');
    await scene.member(JS, ROOM, 'ann');
    assert.deepEqual(await backend.users(ROOM), { users: [{ id: 'ann' }, { id: 'nora' }] });
    assert.deepEqual(await backend.channel(ROOM, ['user_count']), { occupied: true, user_count: 2 });
    await backend.trigger([ROOM], 'greet', { hello: 'all' });
    const { content, hub } = await nora.next('MESSAGE_SENT', { topicId: ROOM });
    assert.deepEqual([JSON.parse(content.bodyText), hub.name], [{ hello: 'all' }, 'greet']);
  }, OPEN);

  stage.one('WS JS', 'is the same member with both, until neither is left', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const nora = await scene.native('nora', ROOM);
    await nora.online(ROOM);
    await watcher.next('@added', { id: 'nora' });
    const tab = await scene.member(JS, ROOM, 'nora', { name: 'Nora Pusher' });
    assert.equal(tab.members(ROOM).count, 2);
    nora.leaves(ROOM);
    await nora.fence();
    await settle(tab, watcher);
    await watcher.isQuiet('while a tab is open');
    tab.unsubscribe(ROOM);
    await watcher.next('@removed', { id: 'nora' });
    await watcher.isQuiet();
  }, OPEN);

  stage.one('WS JS', 'sees a member that is lost leave only after its grace, and not when it returns', async (scene) => {
    const nora = await scene.native('nora', ROOM);
    const first = await scene.member(JS, ROOM, 'ann');
    await nora.hears('online', 'ann');
    const gone = await scene.member(JS, ROOM, 'bob');
    await nora.hears('online', 'bob');
    first.wire.cut();
    await first.next('@subscribed', {}, PATIENCE.leave);
    gone.close();
    await nora.hears('leaves', 'bob', PATIENCE.leave);
    const leaves = nora.inbox.history.filter(({ payload }) => payload.category?.endsWith('party.leaves'));
    assert.deepEqual(leaves.map(({ payload }) => payload.sender._id), ['bob']);
  }, OPEN);

  stage.one('WS JS', 'hears what the other says', async (scene) => {
    const nora = await scene.native('nora', ROOM);
    await nora.online(ROOM);
    const ann = await scene.member(JS, ROOM, 'ann', {}, { listen: ['MESSAGE_SENT'] });
    ann.trigger(ROOM, 'client-hello', { x: 1 });
    const { sender, hub } = await nora.next('MESSAGE_SENT');
    assert.deepEqual([sender._id, hub.name, hub.body], ['ann', 'client-hello', '{"x":1}']);
    nora.say('SEND_MESSAGE', { category: 'chat', topicId: ROOM, content: { bodyText: 'hi' } });
    assert.equal((await ann.next('MESSAGE_SENT')).data.content.bodyText, 'hi');
  }, OPEN);
});
