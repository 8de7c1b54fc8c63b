// Leaving: whatever way somebody goes, those who stay see it once.

import assert from 'node:assert/strict';
import { settle } from './kit/clients/client.mjs';
import { golden, missing } from './kit/golden.mjs';
import { EVERYBODY, J17, J20, J25, J4, LIBRARIES, P4, P5, RAW, WS } from './kit/kinds.mjs';
import { absent, exactly, like } from '../kit/like.mjs';
import { PATIENCE } from '../kit/patience.mjs';
import { suite } from './kit/scene.mjs';
import { BASIC } from './kit/token.mjs';

suite('leaving', (stage) => {
  stage.each('S34', [J4, P5], 'is there until its last socket is gone, for every kind of client', async (scene, kind) => {
    const observers = await Promise.all(EVERYBODY.map((other) => scene.subscribed(other, `observer-${other.name}`, scene.brief)));
    const first = await scene.member(kind, 'alice', scene.brief);
    const other = await scene.member(kind, first.person, scene.brief);
    first.close();
    await outlives(scene, observers, 'alice with one socket of two');
    other.close();
    for (const observer of observers) await observer.hears('party.leaves', first);
    await outlives(scene, observers, 'alice after her leave');
  });

  stage.each('S35', EVERYBODY, 'says that it leaves, and is seen to leave once', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob', scene.brief);
    const alice = await scene.member(kind, 'alice', scene.brief, golden('client-presence-online').content);
    await bob.hears('party.online', alice);
    alice.sayLeaves(scene.brief);
    const leaves = await bob.hears('party.leaves', alice);
    like(leaves, { topicId: scene.brief, receivers: exactly([]), content: { sessionId: alice.subscribed.sessionId }, loopbackMetadata: absent });
    assert.deepEqual(missing(leaves, golden('party-leaves')), []);
    await alice.hears('party.leaves', alice);
    alice.close();
    await outlives(scene, [bob], 'alice, who left before');
  });

  stage.each('S36', EVERYBODY, 'leaves in the order of the full sample', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob', scene.brief);
    const alice = await scene.member(kind, 'alice', scene.brief);
    await bob.hears('party.online', alice);
    const channel = { type: 'topic', _id: scene.brief };
    alice.emit('UNSUBSCRIBE_CHANNEL', { channel });
    alice.sayLeaves(scene.brief);
    alice.emit('SEND_MEDIA_SESSION_EVENTS', { ...golden('client-media-video-end'), topicId: scene.brief });
    alice.emit('UNSUBSCRIBE_CHANNEL', { channel });
    await alice.next('CHANNEL_UNSUBSCRIBED');
    await alice.next('CHANNEL_UNSUBSCRIBED');
    await alice.fence();
    assert.deepEqual(faults(alice), []);
    alice.close();
    await bob.hears('party.leaves', alice);
    await outlives(scene, [bob], 'alice, who left before');
  });

  stage.each('S37', EVERYBODY, 'leaves in the order seen in the field', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob', scene.brief);
    const alice = await scene.member(kind, 'alice', scene.brief, {}, { reconnection: false });
    await bob.hears('party.online', alice);
    alice.emit('UNSUBSCRIBE_CHANNEL', golden('client-unsubscribe-channel-empty-id'));
    alice.emit('SEND_PRESENCE_EVENT', golden('client-presence-leaves-empty-topic'));
    alice.emit('SUBSCRIBE_CHANNEL', golden('client-subscribe-channel-malformed'));
    await alice.next('SUBSCRIBE_CHANNEL_FAILED');
    await alice.fence();
    assert.ok(!alice.inbox.arrivals.some(({ event }) => event === '@disconnect'), 'nothing is closed for it');
    alice.close();
    await bob.hears('party.leaves', alice);
    await outlives(scene, [bob], 'alice, who left before');
  });

  stage.each('S38', EVERYBODY, 'is cut off, and leaves once its grace is over', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob');
    const alice = await scene.member(kind, 'alice', scene.topic, {}, { reconnection: false });
    const watcher = await scene.subscribed(kind, 'watcher', scene.topic, { reconnection: false });
    await bob.hears('party.online', alice);
    alice.wire.down();
    watcher.wire.down();
    await bob.isQuiet('of somebody whose grace has begun');
    await bob.hears('party.leaves', alice, {}, PATIENCE.leave);
    await outlives(scene, [bob], 'alice, who is gone');
  });

  stage.each('S14', LIBRARIES, 'is cut off, comes back by itself, and nobody saw it go', comesBack());
  stage.each('S14', [J17, J25, J4, P4, P5], 'is cut off while it polls, comes back by itself, and nobody saw it go', comesBack({ transports: 'polling' }));

  stage.each('S41', [...LIBRARIES, ...RAW, WS], 'is removed by an admin', async (scene, kind) => {
    const boss = scene.person('boss', { role: 'admin' });
    const [carol, bob] = [await scene.subscribed(J20, 'carol', scene.brief), await scene.member(kind, 'bob', scene.brief)];
    await carol.hears('party.online', bob);
    const path = `/api/spaces/${encodeURIComponent(scene.brief)}/attendees/userId/${bob.person.id}`;
    assert.equal((await scene.rest('DELETE', path)).status, 401);
    assert.equal((await scene.rest('DELETE', path, { as: carol.person })).status, 403);
    const { status, body } = await scene.rest('DELETE', path, { as: boss });
    like({ status, body }, { status: 200, body: exactly({ attendee: bob.person.id, attendeeType: 'userId' }) });
    await isRemoved(scene, { boss, bob, carol, attendeeType: 'userId' });
  });

  stage.each('S41', [J17, J4], 'is removed as a guest', async (scene, kind) => {
    const boss = scene.person('boss', { role: 'admin' });
    const guest = await scene.member(kind, scene.person('guest', { anonymous: true }), scene.brief);
    const carol = await scene.subscribed(J20, 'carol', scene.brief);
    const path = `/api/spaces/${encodeURIComponent(scene.brief)}/attendees/anonymousId/${guest.person.id}`;
    const { body } = await scene.rest('DELETE', path, { as: boss });
    like(body, exactly({ attendee: guest.person.id, attendeeType: 'anonymousId' }));
    await isRemoved(scene, { boss, bob: guest, carol, attendeeType: 'anonymousId' });
  });

  stage.each('S42', [...RAW, WS], 'as a backend brings in who dials in, and takes them out', async (scene, kind) => {
    const observers = [await scene.subscribed(J25, 'bob'), await scene.subscribed(WS, 'carol'), await scene.subscribed(P4, 'dave')];
    const backend = await scene.client(kind, { id: 'app:1' }, { headers: { authorization: BASIC }, token: undefined, tokenType: undefined });
    await backend.connected();
    await backend.subscribe(scene.topic);
    for (const [name, category] of [['dialin-party-online', 'party.online'], ['dialin-party-leaves', 'party.leaves']]) {
      const event = { ...golden(name), topicId: scene.topic };
      backend.emit('SEND_PRESENCE_EVENT', event);
      for (const observer of observers) {
        const { content, sender } = event;
        const seen = await observer.hears(category, { id: sender._id });
        like(seen, { topicId: scene.topic, sender: { ...sender }, content: { emitedby: 'wcs', sessionId: content.sessionId, role: 'guest' }, receivers: absent });
        like(seen.sender.phone_numbers, absent);
      }
    }
    await settle(backend, ...observers);
    for (const observer of observers) await observer.isQuiet();
  });
});

/** Cut off and back within the grace. The sentinel was cut off later and stays away: when its leave is told, the other's would have been. */
function comesBack(options = {}) {
  return async (scene, kind) => {
    const bob = await scene.subscribed(WS, 'bob');
    const alice = await scene.client(kind, 'alice', { ...options, presence: { topic: scene.topic, content: { n: 1 } } });
    await alice.hears('party.online', alice);
    await bob.hears('party.online', alice);
    alice.wire.down();
    await alice.next('@disconnect');
    alice.wire.up();
    const { sessionId } = await alice.next('CHANNEL_SUBSCRIBED').then(() => alice.next('CHANNEL_SUBSCRIBED'));
    await alice.hears('party.online', alice);
    assert.equal(alice.connects, 2);
    await alice.online(scene.topic, { n: 2 });
    await bob.hears('party.online', alice, { content: { n: 2, sessionId } });
    await outlives(scene, [bob], 'alice, who came back', { topic: scene.topic });
  };
}

/** A sentinel comes, is cut off, and leaves after its grace. Whoever went before would have left before it; nobody does. */
async function outlives(scene, observers, whom, { topic = observers[0].subscribed.channel._id } = {}) {
  const sentinel = await scene.member(WS, 'sentinel', topic);
  sentinel.wire.down();
  for (const observer of observers) {
    await observer.hears('party.leaves', sentinel, {}, PATIENCE.leave);
    const leaves = observer.inbox.take().filter(({ payload }) => payload?.category?.endsWith('party.leaves'));
    assert.deepEqual(leaves, [], `${observer.name} is not to see a leave of ${whom}`);
  }
}

async function isRemoved(scene, { boss, bob, carol, attendeeType }) {
  const removed = await carol.hears('party.removed');
  const { id, claims } = boss;
  const content = { attendee: exactly({ attendeeType, attendee: bob.person.id }) };
  like(removed, { topicId: scene.brief, sender: { type: 'user', _id: id, displayname: claims.displayname }, content });
  assert.deepEqual(missing(removed, golden('party-removed')), []);
  await bob.hears('party.removed');
  await bob.next('CHANNEL_UNSUBSCRIBED', { channel: { _id: scene.brief } });
  bob.sayLeaves(scene.brief);
  await bob.fence();
  bob.close();
  await outlives(scene, [carol], 'bob, who was removed');
}

/** What a client was told that went wrong. */
function faults(client) {
  const isFault = ({ event, payload }) => event === '@disconnect' || event.endsWith('FAILED') || event === 'ERROR' || payload?.category === 'media.session.invalid';
  return client.inbox.arrivals.filter(isFault);
}
