// Webhooks, to a receiver that has the libraries say whether it may believe them (U28, U53, U63, U68, U70-U75).

import assert from 'node:assert/strict';
import { APY, BACKENDS, CHILD, JS, NODE, PYS, RAW } from './kit/kinds.mjs';
import { PATIENCE } from '../kit/patience.mjs';
import { Receiver } from './kit/receiver.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'presence-room';
/** What comes and goes, without the counts. */
const COMINGS = ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed'];
/** A short hold, for tests that are not about it. */
const BRIEF = { pusher: { strict: true }, webhook: { events: COMINGS, hold: '300ms' } };

suite('webhooks', (stage) => {
  const received = ({ app }) => stage.receiver.box(app);

  stage.each('U28 U70', BACKENDS, 'believes what the hub posts, and nothing that somebody changed', async (scene, kind) => {
    await scene.member(JS, ROOM, 'ü');
    await received(scene).next('member_added');
    const { headers, body } = received(scene).posts.at(-1);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['x-pusher-key'], scene.app.key);
    assert.match(headers['x-pusher-signature'], /^[0-9a-f]{64}$/);
    const check = (changed = {}, text = body) => scene.backend(kind).webhook({ ...headers, ...changed }, text);
    const { events, time_ms: time } = await check();
    assert.deepEqual(events, [{ name: 'member_added', channel: ROOM, user_id: 'ü' }]);
    assert.ok(Math.abs(Date.now() - time) < 60_000);
    assert.equal(await check({}, body.replace('added', 'addes')), null);
    assert.equal(await check({ 'x-pusher-key': 'another' }), null);
    assert.equal(await check({ 'x-pusher-signature': '0'.repeat(64) }), null);
  });

  stage.one('U70 JS', 'causes one post for each event', async (scene) => {
    for (const id of ['a', 'b']) await scene.member(JS, ROOM, id);
    await scene.subscribed(JS, 'pub');
    await received(scene).next('member_added', { user_id: 'b' });
    await received(scene).next('channel_occupied', { channel: 'pub' });
    for (const { events } of received(scene).posts) assert.equal(events.length, 1);
  });

  stage.one('U70 JS', 'causes posts of several events where they are batched, and of a count alone', async (scene) => {
    for (const id of ['a', 'b']) await scene.member(JS, ROOM, id);
    await scene.subscribed(JS, 'pub');
    await received(scene).next('member_added', { user_id: 'b' });
    await received(scene).next('channel_occupied', { channel: 'pub' });
    await received(scene).next('subscription_count', { channel: 'pub', subscription_count: 1 });
    const { posts } = received(scene);
    assert.ok(posts.some(({ events }) => events.length > 1));
    for (const { events } of posts) assert.ok(events.length === 1 || events.every(({ name }) => name !== 'subscription_count'));
  }, { webhook: { events: [...COMINGS, 'subscription_count'], batch_window: '500ms' } });

  stage.each('U71', [JS, PYS, APY], 'is told to come and to leave, in order', async (scene, kind) => {
    const client = await scene.member(kind, ROOM, 'a');
    await received(scene).next('member_added');
    await client.unsubscribe(ROOM);
    await received(scene).next('channel_vacated', {}, PATIENCE.leave);
    assert.deepEqual(received(scene).of(ROOM), ['channel_occupied', 'member_added a', 'member_removed a', 'channel_vacated']);
  });

  stage.one('U71 JS', 'is told of users and not of tabs, and of a public channel only who is first and last', async (scene) => {
    const tabs = [await scene.member(JS, ROOM, 'a'), await scene.member(JS, ROOM, 'a'), await scene.member(JS, ROOM, 'b')];
    const listeners = [await scene.subscribed(JS, 'pub'), await scene.subscribed(PYS, 'pub')];
    for (const tab of tabs) tab.unsubscribe(ROOM);
    for (const listener of listeners) await listener.unsubscribe('pub');
    for (const channel of [ROOM, 'pub']) await received(scene).next('channel_vacated', { channel });
    assert.deepEqual(received(scene).of('pub'), ['channel_occupied', 'channel_vacated']);
    assert.deepEqual(received(scene).of(ROOM).sort(), ['channel_occupied', 'channel_vacated', 'member_added a', 'member_added b', 'member_removed a', 'member_removed b']);
    assert.equal(received(scene).of(ROOM).at(-1), 'channel_vacated');
  }, BRIEF);

  for (const strict of [true, false]) {
    stage.one('U72 JS', `goes and is back at once, and no webhook says so, ${strict ? 'though those who watch see it' : 'nor does anybody'}`, async (scene) => {
      const watcher = await scene.member(JS, ROOM, 'w');
      const before = await scene.member(JS, ROOM, 'a');
      await scene.member(JS, ROOM, 'z').then((sentinel) => (scene.sentinel = sentinel));
      for (const id of ['w', 'a', 'z']) await received(scene).next('member_added', { user_id: id });
      for (const id of ['a', 'z']) await watcher.next('@added', { id });
      before.close();
      if (strict) await watcher.next('@removed', { id: 'a' });
      await scene.member(JS, ROOM, 'a');
      if (strict) await watcher.next('@added', { id: 'a' });
      // Who goes later and stays away is told to have left later, too.
      scene.sentinel.close();
      await received(scene).next('member_removed', { user_id: 'z' }, PATIENCE.leave);
      assert.deepEqual(received(scene).of(ROOM), ['channel_occupied', 'member_added w', 'member_added a', 'member_added z', 'member_removed z']);
      await watcher.next('@removed', { id: 'z' });
      await watcher.isQuiet();
    }, { pusher: { strict } });
  }

  stage.one('U28 U73 PYR PY3 NODE', 'believe what comes at last after an outage, in order and once', async (scene) => {
    const box = received(scene);
    box.refusals = 4;
    const client = await scene.member(JS, ROOM, 'a');
    await scene.member(JS, ROOM, 'b');
    client.unsubscribe(ROOM);
    await box.next('member_removed', { user_id: 'a' }, 2 * PATIENCE.leave);
    assert.deepEqual(box.of(ROOM), ['channel_occupied', 'member_added a', 'member_added b', 'member_removed a']);
    const tries = box.posts.slice(0, 5);
    assert.deepEqual(tries.map(({ isTaken }) => isTaken), [false, false, false, false, true]);
    for (const { events, headers, body } of tries) {
      assert.deepEqual(events, [{ name: 'channel_occupied', channel: ROOM }]);
      for (const kind of BACKENDS) assert.deepEqual((await scene.backend(kind).webhook(headers, body)).events, events);
    }
    const times = tries.map(({ time_ms: time }) => time);
    assert.deepEqual(times, [...new Set(times)].sort((a, b) => a - b), 'each try has a time of its own');
    assert.equal(new Set(tries.map(({ headers }) => headers['x-pusher-signature'])).size, 5);
  }, BRIEF);

  if (process.env.PUSHER_LONG) {
    stage.one('U71 JS', 'comes and goes, and is told within the times of the reference', async (scene) => {
      const box = received(scene);
      const came = performance.now();
      const client = await scene.member(JS, ROOM, 'a');
      await box.next('member_added');
      const left = performance.now();
      client.unsubscribe(ROOM);
      await box.next('channel_vacated', {}, PATIENCE.leave);
      assert.deepEqual(box.of(ROOM), ['channel_occupied', 'member_added a', 'member_removed a', 'channel_vacated']);
      const after = box.posts.map(({ at }, n) => at - (n < 2 ? came : left));
      assert.ok(after.every((took, n) => took <= (n < 2 ? 1_000 : 3_500)), `${after}`);
    });

    stage.one('U73 NODE', 'is told everything after a minute of failures, once, in order and with the time of the try', async (scene) => {
      const box = received(scene);
      box.refusesUntil = performance.now() + 60_000;
      const members = [];
      for (const id of ['a', 'b', 'c']) members.push(await scene.member(JS, ROOM, id));
      members[0].unsubscribe(ROOM);
      await box.next('member_removed', { user_id: 'a' }, 180_000);
      assert.deepEqual(box.of(ROOM), ['channel_occupied', 'member_added a', 'member_added b', 'member_added c', 'member_removed a']);
      const taken = box.posts.filter(({ isTaken }) => isTaken);
      assert.equal(taken.length, 5, 'each is taken once');
      assert.ok(box.posts.length > 5 + 3, 'it was tried again and again');
      const epoch = Date.now() - performance.now();
      for (const { at, time_ms: time } of taken) assert.ok(Math.abs(epoch + at - time) < 5_000, `${epoch + at - time} ms old`);
    }, BRIEF);
  }

  stage.one('U74 JS', 'is killed, and has left once', async (scene) => {
    const killed = await scene.member(CHILD, ROOM, 'a');
    await received(scene).next('member_added');
    killed.signal('SIGKILL');
    await received(scene).next('channel_vacated', {}, PATIENCE.leave);
    await scene.member(JS, ROOM, 'b');
    await received(scene).next('member_added', { user_id: 'b' });
    assert.deepEqual(received(scene).of(ROOM), ['channel_occupied', 'member_added a', 'member_removed a', 'channel_vacated', 'channel_occupied', 'member_added b']);
  }, BRIEF);

  stage.each('U75', [JS, PYS, APY], 'is told with the events that it sends', async (scene, kind) => {
    const box = received(scene);
    const sender = await scene.member(kind, ROOM, 'a');
    await sender.subscribe('private-x');
    await sender.trigger(ROOM, 'client-typing', { n: 1 });
    const { data, ...event } = await box.next('client_event', { channel: ROOM });
    assert.deepEqual(event, { name: 'client_event', channel: ROOM, event: 'client-typing', socket_id: sender.socketId, user_id: 'a' });
    assert.deepEqual(JSON.parse(data), { n: 1 });
    await sender.trigger('private-x', 'client-typing', 'a text');
    const { user_id: user, data: text } = await box.next('client_event', { channel: 'private-x' });
    assert.deepEqual([user, text.replace(/^"|"$/g, '')], [undefined, 'a text']);
  });

  stage.one('U68 U75 JS', 'misses the last event of a cache channel three times at once, which is told once', async (scene) => {
    const clients = await Promise.all([1, 2, 3].map((n) => scene.connected(JS, `c${n}`)));
    await Promise.all(clients.map((client) => client.subscribe('cache-x')));
    for (const client of clients) await client.next('pusher:cache_miss');
    assert.deepEqual(await received(scene).next('cache_miss'), { name: 'cache_miss', channel: 'cache-x' });
    for (const client of clients) client.unsubscribe('cache-x');
    await received(scene).next('channel_vacated', { channel: 'cache-x' });
    assert.deepEqual(received(scene).of('cache-x').sort(), ['cache_miss', 'channel_occupied', 'channel_vacated']);
  }, { webhook: { events: [...COMINGS, 'cache_miss'], hold: '300ms' } });

  stage.one('U75 JS', 'is counted with others', async (scene) => {
    const first = await scene.subscribed(JS, 'pub');
    await received(scene).next('subscription_count', { channel: 'pub', subscription_count: 1 });
    await scene.subscribed(JS, 'pub');
    await received(scene).next('subscription_count', { channel: 'pub', subscription_count: 2 });
    first.unsubscribe('pub');
    await received(scene).next('subscription_count', { channel: 'pub', subscription_count: 1 });
  }, { webhook: { events: ['subscription_count'] } });

  stage.one('U53 RAW', 'subscribes twice and ends what it never began, and webhooks tell of neither', async (scene) => {
    const client = await scene.subscribed(RAW, ROOM, { user: { user_id: 'a' } });
    client.saySubscribe(ROOM);
    await client.next('@error');
    for (const channel of ['never', 'presence-never']) {
      client.unsubscribe(channel);
      await client.next('@error');
    }
    client.unsubscribe(ROOM);
    await received(scene).next('channel_vacated');
    assert.deepEqual(received(scene).of(ROOM), ['channel_occupied', 'member_added a', 'member_removed a', 'channel_vacated']);
    assert.equal(received(scene).posts.length, 4);
  }, BRIEF);

  stage.one('U63 JS', 'signs in, and webhooks tell nothing of its own channel', async (scene) => {
    const client = await scene.signed({ id: '42' });
    await client.subscribe('pub');
    await scene.backend(NODE).sendToUser('42', 'hey', 1);
    await client.next('hey');
    client.close();
    await received(scene).next('channel_vacated', { channel: 'pub' });
    assert.equal(received(scene).posts.length, 2);
  }, BRIEF);

  stage.one('WS', 'is told of as any member is', async (scene) => {
    const nora = await scene.native('nora', ROOM);
    await nora.online(ROOM);
    await received(scene).next('member_added', { user_id: 'nora' });
    nora.drop();
    await received(scene).next('channel_vacated', {}, PATIENCE.leave);
    assert.deepEqual(received(scene).of(ROOM), ['channel_occupied', 'member_added nora', 'member_removed nora', 'channel_vacated']);
  }, { ...BRIEF, open_topics: true, grace: '500ms' });
}, {
  settings: { 'egress.http': true, 'egress.allow': ['127.0.0.1'] },
  async prepare(stage) {
    stage.receiver = await Receiver.start(stage.apps);
    stage.endings.push(() => stage.receiver.end());
    for (const app of stage.apps) {
      const usual = { url: stage.receiver.url(app), format: 'pusher', events: [...COMINGS, 'client_event', 'cache_miss'] };
      app.webhooks = [{ ...usual, ...app.webhook }];
      delete app.webhook;
    }
    return {};
  },
});
