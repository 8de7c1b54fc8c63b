// Channels: subscribing and unsubscribing, right and wrong.

import assert from 'node:assert/strict';
import { settle } from './kit/clients/client.mjs';
import { EVERYBODY, J17, P4, WS } from './kit/kinds.mjs';
import { exactly, like, text } from '../kit/like.mjs';
import { suite } from './kit/scene.mjs';

suite('channels', (stage) => {
  stage.each('S18', EVERYBODY, 'is told of its subscription alone, with the session that presence events carry', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob');
    const alice = await scene.subscribed(kind, 'alice');
    const topic = scene.topic;
    like(alice.subscribed, { channel: exactly({ _id: topic, type: 'topic' }), dtsid: text, sessionId: text });
    await bob.isQuiet('of somebody who subscribes');
    const { sessionId } = alice.subscribed;
    like(await alice.online(topic), { content: { sessionId } });
    like(await bob.hears('party.online', alice), { content: { sessionId } });
  });

  const malformed = [{}, { channel: { connected: false } }, { channel: null }, { channel: { type: 'topic', _id: '' } }, { channel: { type: 'topic', _id: 7 } }, { channel: [] }];
  stage.each('S19', EVERYBODY, 'is told what was wrong with a subscription, and goes on', async (scene, kind) => {
    const alice = await scene.connected(kind, 'alice');
    for (const payload of malformed) {
      alice.emit('SUBSCRIBE_CHANNEL', payload);
      const { error, ...rest } = await alice.next('SUBSCRIBE_CHANNEL_FAILED');
      like(error, { code: 'invalid.parameters', message: text });
      like(rest, exactly(payload), 'what is sent back');
    }
    alice.emit('SUBSCRIBE_CHANNEL');
    like(await alice.next('SUBSCRIBE_CHANNEL_FAILED'), { error: { code: 'invalid.parameters', message: text } });
    await alice.subscribe(scene.topic);
    await alice.isQuiet();
  });

  stage.each('S20', EVERYBODY, 'needs the password of a space that has one', async (scene, kind) => {
    const owner = scene.person('owner', { role: 'member' });
    const space = await scene.space(owner, { password: 'open sesame' });
    const alice = await scene.connected(kind, 'alice');
    for (const password of ['wrong', null, '', undefined]) {
      const channel = { type: 'topic', _id: space, ...(password === undefined ? {} : { password }) };
      alice.emit('SUBSCRIBE_CHANNEL', { channel });
      like(await alice.next('SUBSCRIBE_CHANNEL_FAILED'), { channel: exactly(channel), error: { code: text, message: text } });
    }
    alice.emit('SUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: space, password: 'open sesame' } });
    await alice.next('CHANNEL_SUBSCRIBED', { channel: { _id: space } });
    await alice.online(space);
  });
  stage.each('S20', EVERYBODY, 'may name no password, and a version, in an open space', async (scene, kind) => {
    const alice = await scene.connected(kind, 'alice');
    for (const password of [null, '']) {
      alice.emit('SUBSCRIBE_CHANNEL', { channel: { _id: scene.topic, type: 'topic', password }, version: '1.1' });
      await alice.next('CHANNEL_SUBSCRIBED', { channel: { _id: scene.topic } });
    }
    await alice.isQuiet();
  });

  stage.each('S21', [J17, P4], 'may subscribe at the same time as it joins by REST', async (scene, kind) => {
    const alice = await scene.connected(kind, 'alice');
    const join = scene.rest('GET', `/api/spaces/${scene.topic}/join`, { as: alice.person });
    const [, { status, body }] = await Promise.all([alice.subscribe(scene.topic), join]);
    like({ status, body }, { status: 200, body: { topic: { _id: scene.topic } } });
    await alice.online(scene.topic);
  });
  stage.each('S21', [J17, P4], 'may subscribe before it joins by REST, also with a password', async (scene, kind) => {
    const owner = scene.person('owner');
    for (const password of [undefined, 'open sesame']) {
      const space = await scene.space(owner, { password });
      const alice = await scene.connected(kind, `alice-${password ? 'with' : 'without'}`);
      alice.emit('SUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: space, password } });
      await alice.next('CHANNEL_SUBSCRIBED', { channel: { _id: space } });
      const headers = password && { 'spaces-x-space-password': password };
      const { status, body } = await scene.rest('GET', `/api/spaces/${space}/join`, { as: alice.person, headers });
      like({ status, body }, { status: 200, body: { topic: { _id: space } } });
      await alice.online(space);
    }
  });

  stage.each('S22', EVERYBODY, 'hears no more after unsubscribing, and may do it again', async (scene, kind) => {
    const { topic } = scene;
    const [alice, bob] = [await scene.subscribed(kind, 'alice'), await scene.subscribed(kind, 'bob')];
    alice.emit('UNSUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: topic } });
    like(await alice.next('CHANNEL_UNSUBSCRIBED'), { channel: exactly({ _id: topic, type: 'topic' }) });
    for (const _id of [topic, '', `${topic}-never-joined`]) {
      alice.emit('UNSUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id } });
      await alice.next('CHANNEL_UNSUBSCRIBED', { channel: { _id } });
    }
    await bob.isQuiet('of somebody who unsubscribes');
    await bob.online(topic);
    bob.emit('SEND_MESSAGE', { category: 'chat', topicId: topic, content: { bodyText: 'is nobody here?' } });
    await bob.next('MESSAGE_SENT');
    await settle(bob, alice);
    await alice.isQuiet('of a channel it left');
  });

  stage.each('S23', EVERYBODY, 'hears everything once though it subscribed twice', async (scene, kind) => {
    const alice = await scene.subscribed(kind, 'alice');
    await alice.subscribe(scene.topic);
    const bob = await scene.subscribed(kind, 'bob');
    await bob.subscribe(scene.topic);
    await bob.online(scene.topic);
    await alice.hears('party.online', bob);
    await settle(alice, bob);
    await alice.isQuiet();
    await bob.isQuiet();
  });

  stage.each('S24', EVERYBODY, 'only watches: hears everything, appears nowhere, and goes unnoticed', async (scene, kind) => {
    const watcher = await scene.subscribed(kind, 'watcher', scene.brief, { reconnection: false });
    const [bob, sentinel] = [await scene.member(kind, 'bob', scene.brief), await scene.member(WS, 'sentinel', scene.brief)];
    await watcher.hears('party.online', bob);
    await watcher.hears('party.online', sentinel);
    await bob.hears('party.online', sentinel);
    bob.emit('SEND_PRESENCE_EVENT', { category: 'app.event.presence.request.parties', topicId: scene.brief });
    await watcher.hears('request.parties', bob);
    await bob.hears('request.parties', bob);
    await bob.hears('party.online', bob, { receivers: [{ _id: bob.person.id }] });
    await bob.hears('party.online', sentinel, { receivers: [{ _id: bob.person.id }] });
    // Nor is it in what is told to somebody who comes later.
    const late = await scene.subscribed(WS, 'late', scene.brief, { reconnection: false });
    const { roster, occupancy } = late.subscribed.hub;
    assert.deepEqual(roster.map(({ user }) => user._id).sort(), [bob.person.id, sentinel.person.id].sort());
    like(occupancy, { parties: 2, sessions: 2 });
    await bob.isQuiet('of a watcher');
    watcher.wire.down();
    sentinel.wire.down();
    await bob.hears('party.leaves', sentinel);
    await bob.isQuiet('of a watcher that is gone');
  });
});
