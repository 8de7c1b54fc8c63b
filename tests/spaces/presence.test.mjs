// Presence: who is seen as what, by whom.

import assert from 'node:assert/strict';
import { settle } from './kit/clients/client.mjs';
import { golden, missing, NULLS } from './kit/golden.mjs';
import { EVERYBODY, J17, J25, J4, P5 } from './kit/kinds.mjs';
import { absent, exactly, like, text } from '../kit/like.mjs';
import { suite } from './kit/scene.mjs';

const ONLINE = 'app.event.presence.party.online';

suite('presence', (stage) => {
  stage.each('S25', EVERYBODY, 'is seen by every kind of client, in the documented shape', async (scene, kind) => {
    const observers = await Promise.all(EVERYBODY.map((other) => scene.subscribed(other, `observer-${other.name}`)));
    const person = scene.person('alice', { phone_numbers: ['+1 555 0100'] });
    const { content } = golden('client-presence-online');
    const alice = await scene.member(kind, person, scene.topic, content);
    await Promise.all(
      observers.map(async (observer) => {
        const seen = await observer.hears('party.online', alice);
        like(seen, shape(alice, scene.topic), `what ${observer.name} sees`);
        assert.deepEqual(missing(seen, expected()), [], `what is missing for ${observer.name}`);
      }),
    );
    await settle(alice, ...observers);
    for (const observer of observers) await observer.isQuiet();
  });

  stage.each('S26', EVERYBODY, 'alone gets its loopbackMetadata back', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob');
    const alice = await scene.subscribed(kind, 'alice');
    const second = await scene.subscribed(kind, alice.person);
    const kinds = ['some metadata', 7, { deep: [1, { er: true }] }, null, false];
    for (const [n, loopbackMetadata] of [...kinds, undefined].entries()) {
      const more = loopbackMetadata === undefined ? {} : { loopbackMetadata };
      const echo = await alice.online(scene.topic, { n }, more);
      like(echo.loopbackMetadata, loopbackMetadata === undefined ? absent : exactly(loopbackMetadata), 'the echo');
      like(await second.hears('party.online', alice, { content: { n } }), { loopbackMetadata: absent });
      like(await bob.hears('party.online', alice, { content: { n } }), { loopbackMetadata: absent });
    }
  });

  stage.each('S27', EVERYBODY, 'cannot pretend to be somebody else, elsewhere, or an admin', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob');
    const guest = await scene.subscribed(kind, scene.person('guest', { anonymous: true }));
    const sender = { _id: bob.person.id, type: 'user', displayname: 'Bob', username: 'bob@example.test', role: 'admin' };
    guest.sayOnline(scene.topic, { role: 'admin', sessionId: bob.subscribed.sessionId }, { sender });
    const { id, claims } = guest.person;
    const truth = { sender: { _id: id, type: 'anonymous', displayname: claims.displayname }, content: { role: 'guest', sessionId: guest.subscribed.sessionId } };
    like(await bob.hears('party.online'), truth);
    like(await guest.hears('party.online'), truth);
  });

  stage.each('S27', EVERYBODY, 'cannot pretend to be somebody else where it is known either', async (scene, kind) => {
    const [bob, mallory] = [await scene.member(kind, 'bob'), await scene.subscribed(kind, 'mallory')];
    const sender = { _id: bob.person.id, type: 'bot', displayname: 'Bob', username: 'bob@example.test' };
    mallory.sayOnline(scene.topic, { role: 'admin', sessionId: bob.subscribed.sessionId }, { sender });
    const { id, claims } = mallory.person;
    const truth = { sender: { _id: id, type: 'user', displayname: claims.displayname, username: claims.username }, content: { role: 'member', sessionId: mallory.subscribed.sessionId } };
    like(await bob.hears('party.online'), truth);
    like(await mallory.hears('party.online'), truth);
    await settle(mallory, bob);
    await bob.isQuiet();
  });

  stage.each('S28', EVERYBODY, 'is answered by those who are there, and only it', async (scene, kind) => {
    const [alice, bob] = [await scene.member(kind, 'alice'), await scene.member(kind, 'bob')];
    await alice.hears('party.online', bob);
    const carol = await scene.subscribed(kind, 'carol');
    await carol.online(scene.topic, {}, { receivers: [] });
    for (const one of [alice, bob]) {
      const { sender } = await one.hears('party.online', carol, { receivers: [] });
      one.sayOnline(scene.topic, {}, { receivers: [sender] });
      await one.hears('party.online', one, { receivers: [{ _id: carol.person.id }] });
    }
    const receivers = [{ _id: carol.person.id, displayname: carol.person.claims.displayname, ...NULLS }];
    for (const one of [alice, bob]) await carol.hears('party.online', one, { receivers });
    await settle(alice, bob, carol);
    for (const one of [alice, bob, carol]) await one.isQuiet();
  });

  stage.one('S29', 'one join costs an announcement and an answer for each party, not more', async (scene) => {
    const kinds = [J17, J25, J4, P5];
    const parties = await Promise.all(kinds.map((kind, n) => scene.member(kind, `party-${n}`)));
    await settle(...parties);
    for (const party of parties) party.inbox.take();
    const carol = await scene.subscribed(J4, 'carol');
    await carol.online(scene.topic, {}, { receivers: [] });
    for (const party of parties) {
      const { sender } = await party.hears('party.online', carol);
      party.sayOnline(scene.topic, {}, { receivers: [sender] });
      await party.hears('party.online', party);
    }
    await settle(...parties, carol);
    for (const party of parties) await party.isQuiet('but one announcement and the echo of its own answer');
    const answers = carol.inbox.take().map(({ payload }) => payload.sender._id);
    assert.deepEqual(answers.sort(), parties.map(({ person }) => person.id).sort());
  });

  stage.each('S30', EVERYBODY, 'asks for the parties, and has them all', async (scene, kind) => {
    const parties = [await scene.member(kind, 'alice'), await scene.member(J17, 'bob'), await scene.member(J4, 'carol')];
    await settle(...parties);
    for (const party of parties) party.inbox.take();
    const dave = await scene.subscribed(kind, 'dave');
    dave.emit('SEND_PRESENCE_EVENT', { category: 'app.event.presence.request.parties', topicId: scene.topic });
    const asked = { content: { sessionId: dave.subscribed.sessionId, data: exactly([]) }, sender: { _id: dave.person.id, ...NULLS }, topicId: scene.topic };
    for (const one of [...parties, dave]) {
      const request = await one.hears('request.parties', dave);
      like(request, asked);
      assert.deepEqual(missing(request, golden('request-parties')), []);
    }
    for (const party of parties) await dave.hears('party.online', party, { receivers: [{ _id: dave.person.id }] });
    await settle(dave, ...parties);
    for (const one of [...parties, dave]) await one.isQuiet();
  });

  stage.each('S31', EVERYBODY, 'says something new, and stays one party', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob');
    const alice = await scene.member(kind, 'alice', scene.topic, { mediaSession: { audio: false } });
    const first = await bob.hears('party.online', alice);
    await alice.online(scene.topic, { mediaSession: { audio: true } });
    like(await bob.hears('party.online', alice), { content: { mediaSession: { audio: true }, sessionId: first.content.sessionId } });
    await settle(alice, bob);
    await bob.isQuiet();
    bob.emit('SEND_PRESENCE_EVENT', { category: 'app.event.presence.request.parties', topicId: scene.topic });
    await bob.hears('request.parties', bob);
    await bob.hears('party.online', alice, { content: { mediaSession: { audio: true } } });
    await bob.isQuiet('but one party');
  });

  stage.each('S32', EVERYBODY, 'may say little of its media, and things nobody knows', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob');
    const sparse = golden('client-presence-online-sparse').content;
    const alice = await scene.member(kind, 'alice', scene.topic, sparse);
    like((await bob.hears('party.online', alice)).content.mediaSession, sparse.mediaSession);
    const rich = { audio: true, mdsrvSessionId: 'm-1', isCollabOnly: false, joinTime: '2026-01-02T03:04:05.678Z', x: { y: [null, 1.5, 'z'] } };
    await alice.online(scene.topic, { mediaSession: rich, w: [1] });
    const { content } = await bob.hears('party.online', alice);
    like(content.w, exactly([1]));
    for (const [key, value] of Object.entries(rich)) like(content.mediaSession[key], exactly(value), key);
  });

  stage.each('S33', EVERYBODY, 'may put its topic where the official sample does', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob');
    const alice = await scene.subscribed(kind, 'alice');
    const nested = golden('client-presence-online-nested');
    nested.content.topicId = scene.topic;
    alice.emit('SEND_PRESENCE_EVENT', nested);
    like(await alice.hears('party.online', alice), { topicId: scene.topic, loopbackMetadata: 'some metadata' });
    const seen = await bob.hears('party.online', alice);
    like(seen, { topicId: scene.topic, receivers: [], loopbackMetadata: absent, content: { role: 'guest', offline: false, topicId: absent, loopbackMetadata: absent } });
    like(seen.content.mediaSession, { offline: absent, role: absent, audio: false });
    await alice.isQuiet();
  });

  stage.each('S39', EVERYBODY, 'is told alone what cannot be done', async (scene, kind) => {
    const [alice, bob] = [await scene.subscribed(kind, 'alice'), await scene.subscribed(kind, 'bob')];
    const elsewhere = await scene.subscribed(kind, 'carol', `${scene.topic}-elsewhere`);
    const wrong = [
      { category: ONLINE, topicId: `${scene.topic}-elsewhere`, content: {} },
      { category: 'whatever.is.this', topicId: `${scene.topic}-elsewhere`, content: {} },
      { category: 'party.removed', topicId: scene.topic, content: {} },
      { topicId: scene.topic, content: {} },
      { category: 7, topicId: scene.topic },
    ];
    for (const [n, payload] of wrong.entries()) {
      alice.emit('SEND_PRESENCE_EVENT', { ...payload, loopbackMetadata: { n } });
      like(await alice.hears('media.session.invalid'), { topicId: payload.topicId, loopbackMetadata: exactly({ n }) });
    }
    alice.emit('SEND_PRESENCE_EVENT');
    await alice.hears('media.session.invalid');
    for (const one of [alice, bob, elsewhere]) await one.isQuiet();
  });

  stage.each('S40', EVERYBODY, 'types, which changes nothing of it', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob');
    const mediaSession = { audio: true, connected: true };
    const alice = await scene.member(kind, 'alice', scene.topic, { mediaSession });
    await bob.hears('party.online', alice);
    const { category, content, version } = golden('client-presence-typing');
    alice.emit('SEND_PRESENCE_EVENT', { category, userId: alice.person.id, topicId: scene.topic, sender: {}, content, version });
    like(await bob.hears('party.typing', alice), { topicId: scene.topic, sender: { displayname: alice.person.claims.displayname } });
    await alice.hears('party.typing', alice);
    bob.emit('SEND_PRESENCE_EVENT', { category: 'app.event.presence.request.parties', topicId: scene.topic });
    await bob.hears('request.parties', bob);
    like(await bob.hears('party.online', alice), { content: { mediaSession } });
    await bob.isQuiet();
  });

  stage.each('S44', EVERYBODY.filter(({ name }) => ['J25', 'P4', 'WS'].includes(name)), 'mutes ten times a second for ten seconds', async (scene, kind) => {
    const bob = await scene.subscribed(J4, 'bob');
    const alice = await scene.member(kind, 'alice');
    for (let n = 1; n <= 100; n += 1) {
      alice.sayOnline(scene.topic, { n, mediaSession: { audio: n % 2 === 0 } });
      await tenth();
    }
    await bob.hears('party.online', alice, { content: { n: 100, mediaSession: { audio: true } } });
    const numbers = bob.inbox.take().map(({ payload }) => payload.content.n ?? 0);
    assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), 'what was said later is never seen earlier');
    await alice.fence();
    assert.equal(alice.connects, 1);
    assert.ok(!alice.inbox.arrivals.some(({ event }) => event.startsWith('@') || event === 'ERROR'));
  });
});

/** The pace of S44, which is what that scenario is about. */
function tenth() {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

function expected() {
  const { receivers, ...rest } = golden('party-online');
  delete rest.content.subscribeTime;
  return { ...rest, receivers: receivers.slice(1) };
}

function shape(alice, topicId) {
  const { id, claims } = alice.person;
  const { displayname, username, picture_url, phone_numbers } = claims;
  const sender = { _id: id, type: 'user', displayname, username, picture_url, phone_numbers, ...NULLS };
  return { category: ONLINE, topicId, sender, content: { sessionId: text, role: 'member', mediaSession: { audio: false } }, receivers: exactly([]), loopbackMetadata: absent };
}
