// Connecting: every library, every transport, every place for a token; and who is refused.

import assert from 'node:assert/strict';
import { settle } from './kit/clients/client.mjs';
import { J17, J20, J25, J4, JAVASCRIPT, LIBRARIES, P4, P5, RAW, RAW3, RAW4 } from './kit/kinds.mjs';
import { like, text } from '../kit/like.mjs';
import { suite } from './kit/scene.mjs';
import { APP } from './kit/token.mjs';

const OLD_JAVASCRIPT = [J17, J20, J25];

suite('connecting', (stage) => {
  stage.each('S1', OLD_JAVASCRIPT, 'connects by websocket alone and subscribes', async (scene, kind) => {
    const alice = await scene.connected(kind, 'alice');
    assert.equal(alice.transport, 'websocket');
    like(await alice.subscribe(scene.topic), { channel: { _id: scene.topic, type: 'topic' } });
    assert.equal(alice.wire.connections, 1, 'one TCP connection carries it all');
    if (kind === J17) assert.doesNotMatch(alice.sid, /^\/chat/);
    else assert.match(alice.sid, /^\/chat#/);
  });

  stage.each('S2', JAVASCRIPT, 'polls, upgrades, and neither loses nor repeats an event', async (scene, kind) => {
    const bob = await scene.subscribed(RAW4, 'bob');
    const alice = await scene.client(kind, 'alice', { transports: 'default' });
    let isUpgraded = false;
    alice.onUpgrade(() => (isUpgraded = true));
    await alice.connected();
    await alice.subscribe(scene.topic);
    const said = await talk(scene.topic, alice, bob, () => isUpgraded);
    await settle(alice, bob);
    assert.equal(alice.transport, 'websocket');
    assert.deepEqual(texts(alice), said.map((n) => `bob ${n}`), 'what alice heard of bob');
    assert.deepEqual(texts(bob), said.map((n) => `alice ${n}`), 'what bob heard of alice');
  });

  for (const transports of ['websocket', 'polling']) {
    stage.each('S3', [J4], `connects by ${transports} alone, and has the id of the answer`, async (scene, kind) => {
      const alice = await scene.client(kind, 'alice', { transports });
      const answers = [];
      alice.onPacket(({ type, data }) => type === 'message' && answers.push(data));
      await alice.connected();
      assert.equal(alice.transport, transports);
      assert.equal(answers[0], `0/chat,{"sid":"${alice.sid}"}`);
      await alice.subscribe(scene.topic);
      await alice.isQuiet();
    });
  }

  for (const transports of ['websocket', 'polling', 'default']) {
    stage.each('S4', [P4, P5], `connects by ${transports}`, async (scene, kind) => {
      const alice = await scene.member(kind, 'alice', scene.topic, {}, { transports });
      assert.ok(text(alice.sid));
      await alice.isQuiet();
    });
  }

  for (const transports of ['polling', 'default']) {
    stage.each('S7', JAVASCRIPT, `is known by ${transports}`, async (scene, kind) => {
      const alice = await scene.member(kind, 'alice', scene.topic, {}, { transports });
      like(alice.echo, { sender: { _id: alice.person.id } });
    });
  }
  stage.each('S7', [...LIBRARIES, ...RAW], 'is known by the query', knows({ tokenIn: 'query' }));
  stage.each('S7', RAW, 'is known by the query of the URL alone', knows({ tokenIn: 'url' }));
  stage.each('S7', [RAW3], 'is known by the query of the CONNECT alone', knows({ tokenIn: 'connect' }));
  stage.each('S7', [J4, P5, RAW4], 'is known by the auth object alone', knows({ tokenIn: 'auth' }));

  const bad = {
    'a token that is none': () => ({ token: 'nonsense' }),
    'a token of another signer': (scene) => ({ token: scene.person('mallory').token.slice(0, -6) + 'AAAAAA' }),
    'an expired token': (scene) => ({ token: scene.person('alice', { life: -60 }).token }),
    'no token': () => ({ token: undefined, tokenType: undefined }),
  };
  for (const [what, options] of Object.entries(bad)) {
    stage.each('S8', [...LIBRARIES, ...RAW], `is refused with ${what}, as its generation expects`, async (scene, kind) => {
      const observer = await scene.subscribed(RAW4, 'observer');
      const presence = { topic: scene.topic };
      const nobody = await scene.client(kind, { id: 'nobody' }, { ...options(scene), presence, reconnection: false });
      await isRefused(nobody, 'unauthorized');
      await observer.isQuiet('of somebody who was refused');
      assert.equal(nobody.connects, 0);
    });
  }

  stage.each('S9', JAVASCRIPT, 'connects as the owner of the token in spite of `=jwt` behind it', async (scene, kind) => {
    const person = scene.person('alice');
    const token = `${person.token}=jwt`;
    const alice = await scene.member(kind, person, scene.topic, {}, { token, tokenType: undefined });
    like(alice.echo, { sender: { _id: person.id, displayname: person.claims.displayname } });
  });

  for (const tokenType of [undefined, 'oauth', 'service_app', 'JWT']) {
    stage.each('S10', LIBRARIES, `connects with ${tokenType ?? 'no'} tokenType`, knows({ tokenType }));
  }

  stage.each('S12', [...LIBRARIES, ...RAW], 'is refused another namespace', async (scene, kind) => {
    const lost = await scene.client(kind, 'alice', { namespace: '/elsewhere', reconnection: false });
    await isRefused(lost, 'Invalid namespace');
  });
  stage.each('S12', OLD_JAVASCRIPT, 'reaches /chat by the transport that was refused another namespace', async (scene, kind) => {
    const alice = await scene.client(kind, 'alice', { namespace: '/elsewhere' });
    await alice.next('@error');
    const chat = new Promise((resolve) => alice.openBeside('/chat', (event) => event === '@connect' && resolve()));
    await chat;
    assert.equal(alice.wire.connections, 1);
  });
  stage.each('S12', OLD_JAVASCRIPT, 'keeps /chat when another namespace is refused beside it', async (scene, kind) => {
    const alice = await scene.subscribed(kind, 'alice');
    const refused = new Promise((resolve) => alice.openBeside('/elsewhere', (event, why) => event === '@error' && resolve(why)));
    assert.equal(typeof (await refused), 'string');
    await alice.online(scene.topic);
    assert.equal(alice.wire.connections, 1);
  });

  const kicks = {
    'by an administrator': [{}, (scene, { id }) => scene.admin('DELETE', `/admin/apps/${APP.id}/parties/${id}/sessions`)],
    'when its token expires': [{ life: 3 }, () => ({ status: 200 })],
  };
  for (const [what, [claims, kick]] of Object.entries(kicks)) {
    stage.each('S13', [...LIBRARIES, ...RAW], `is sent away ${what}, and stays away`, async (scene, kind) => {
      const alice = await scene.member(kind, scene.person('alice', claims));
      assert.equal((await kick(scene, alice.person)).status, 200);
      await isSentAway(alice);
      if (LIBRARIES.includes(kind)) await staysAway(scene, alice);
    });
  }
  stage.each('S13', LIBRARIES, 'is gone for everybody at once when it is sent away', async (scene, kind) => {
    const bob = await scene.subscribed(RAW4, 'bob');
    const alice = await scene.member(kind, 'alice');
    await bob.hears('party.online', alice);
    await scene.admin('DELETE', `/admin/apps/${APP.id}/parties/${alice.person.id}/sessions`);
    await bob.hears('party.removed', undefined, { content: { attendee: { attendee: alice.person.id } } });
    await bob.isQuiet();
  });

  stage.each('S16', RAW, 'may have further keys in its query', knows({ query: { batchRoster: 'true', b64: '1', t: 'Oabc.0', foo: '', '%41': '&=' } }));
  stage.each('S16', RAW, 'stays when an event wants an acknowledgement or a frame is binary', async (scene, kind) => {
    const alice = await scene.subscribed(kind, 'alice');
    const subscribe = JSON.stringify(['SUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: scene.topic } }]);
    alice.send(`42/chat,17${subscribe}`);
    await alice.next('CHANNEL_SUBSCRIBED');
    alice.send(Buffer.from([4, 1, 2, 3]));
    await alice.online(scene.topic);
    const answers = alice.frames.filter((frame) => frame.startsWith('< 43'));
    assert.ok(answers.every((frame) => frame.startsWith('< 43/chat,17[')), `${answers}`);
    assert.ok(answers.length <= 1);
  });
  stage.each('S16', JAVASCRIPT, 'may ask for an acknowledgement', async (scene, kind) => {
    const alice = await scene.connected(kind, 'alice');
    alice.emitWithAck('SUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: scene.topic } }, () => {});
    await alice.next('CHANNEL_SUBSCRIBED');
    await alice.isQuiet();
  });
});

/** Connects with these options, and is who the token says. */
function knows(options) {
  return async (scene, kind) => {
    const alice = await scene.member(kind, 'alice', scene.topic, {}, options);
    like(alice.echo, { sender: { _id: alice.person.id, displayname: alice.person.claims.displayname } });
  };
}

async function isSentAway(client) {
  const why = await client.next('@disconnect');
  // The handler of version 4 is given no reason.
  if (client.kind !== P4) assert.equal(why, client.kind === P5 ? 'server disconnect' : 'io server disconnect');
}

/** Another client of the kind is cut off, later and twice, and is back twice. Whoever wanted to come back would be here by now. */
async function staysAway(scene, client) {
  const other = await scene.connected(client.kind, 'other');
  for (let round = 0; round < 2; round += 1) {
    // Python is connected only some time after it has said so.
    await other.fence();
    other.wire.down();
    await other.next('@disconnect');
    other.wire.up();
    await other.connected();
  }
  assert.equal(client.wire.connections, 1);
  assert.equal(client.connects, 1);
}

/** A refusal as each generation of libraries shows it. */
async function isRefused(client, why) {
  const { kind } = client;
  if (kind === J4) {
    const error = await client.next('@connect_error');
    assert.ok(error instanceof Error);
    assert.equal(error.message, why);
  } else if (kind === P5) {
    like(await client.next('@connect_error'), { message: why });
    assert.ok(text(await client.next('@raised')));
  } else if (kind === RAW4) like(await client.next('@connect_error'), { message: why });
  else if (kind === P4) {
    assert.equal(await client.next('@connect_error'), why);
    assert.ok(client.wire.isOpen, 'the transport stays open');
  } else {
    assert.equal(await client.next('@error'), why);
    assert.ok(client.isTransportOpen, 'the transport stays open');
  }
  const more = client.inbox.arrivals.map(({ event }) => event).filter((event) => event !== '@disconnect');
  assert.deepEqual(more, [], 'nothing beside the refusal');
}

/** Alice and Bob talk in turns, until something has happened and a little longer. Gives the numbers of what they said. */
async function talk(topic, alice, bob, isOver) {
  const said = [];
  const say = (who, name, n) => who.emit('SEND_MESSAGE', { category: 'chat', topicId: topic, content: { bodyText: `${name} ${n}` } });
  for (let more = 5, n = 1; more > 0; n += 1) {
    if (isOver()) more -= 1;
    say(alice, 'alice', n);
    say(bob, 'bob', n);
    said.push(n);
    await alice.next('MESSAGE_SENT', { content: { bodyText: `alice ${n}` } });
    await bob.next('MESSAGE_SENT', { content: { bodyText: `bob ${n}` } });
  }
  return said;
}

/** Takes all that is left, which must be messages, and gives their texts. */
function texts(client) {
  return client.inbox.take().map(({ event, payload }) => payload.content?.bodyText ?? event);
}
