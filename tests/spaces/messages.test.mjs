// Messages and media: what members say and show.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { settle } from './kit/clients/client.mjs';
import { python } from './kit/clients/python.mjs';
import { golden, missing } from './kit/golden.mjs';
import { EVERYBODY, J17, J4, LIBRARIES, P4, WS } from './kit/kinds.mjs';
import { absent, any, exactly, instant, like, text } from '../kit/like.mjs';
import { PATIENCE } from '../kit/patience.mjs';
import { suite } from './kit/scene.mjs';

suite('messages and media', (stage) => {
  stage.each('S45', EVERYBODY, 'says something to everybody', async (scene, kind) => {
    const observers = [await scene.subscribed(J17, 'bob'), await scene.subscribed(J4, 'carol'), await scene.subscribed(P4, 'dave'), await scene.subscribed(WS, 'erin')];
    const alice = await scene.subscribed(kind, 'alice');
    const second = await scene.subscribed(kind, alice.person);
    const minimal = { ...golden('client-send-message-minimal'), topicId: scene.topic, loopbackMetadata: { mine: true } };
    alice.emit('SEND_MESSAGE', minimal);
    const echo = await alice.next('MESSAGE_SENT');
    like(echo, { ...message(alice, scene.topic, minimal.content.bodyText), loopbackMetadata: exactly({ mine: true }) });
    assert.deepEqual(missing(echo, golden('server-message-sent')), []);
    for (const one of [second, ...observers]) {
      like(await one.next('MESSAGE_SENT'), { ...message(alice, scene.topic, minimal.content.bodyText), _id: echo._id, loopbackMetadata: absent });
    }
    await settle(alice, second, ...observers);
    for (const one of [alice, second, ...observers]) await one.isQuiet();
  });

  stage.one('S46 P4', 'a guest chats with a program that reads each key it relies on', async (scene) => {
    const bob = await scene.subscribed(J4, 'bob');
    const chat = promisify(execFile)(python('P4'), [script('guest_chat.py'), scene.hub.url, scene.topic, 'Guest', 'Hello from Python']);
    const heard = bob.next('MESSAGE_SENT', { sender: { type: 'anonymous', displayname: 'Guest' } }, PATIENCE.leave);
    const [{ stdout, stderr }, came] = await Promise.all([chat, heard]);
    assert.equal(came.content.bodyText, 'Hello from Python');
    assert.equal(stderr, '', 'no KeyError, nor anything else');
    like(JSON.parse(stdout), { mine: true, text: 'Hello from Python', topic: scene.topic, space: text, kind: text, title: text, type: 'anonymous' });
  });

  stage.each('S47', EVERYBODY, 'may not speak without the right to, nor where it is not', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob');
    const mute = await scene.subscribed(kind, scene.person('mute', { capabilities: { '**': ['subscribe', 'presence'] } }));
    const payload = { category: 'chat', topicId: scene.topic, content: { bodyText: 'hi' }, loopbackMetadata: 3 };
    mute.emit('SEND_MESSAGE', payload);
    like(await mute.next('SEND_MESSAGE_FAILED'), { ...payload, sender: { _id: mute.person.id }, error: 'not.authorized.by.topic.policy' });
    const stranger = await scene.connected(kind, 'stranger');
    for (const topicId of [scene.topic, `${scene.topic}-wrong`]) {
      stranger.emit('SEND_MESSAGE', { ...payload, topicId });
      const required = 'app.event.channel.subscription.required';
      like(await stranger.next('SEND_MESSAGE_FAILED'), { topicId, content: payload.content, sender: { _id: stranger.person.id }, error: required, category: required });
    }
    for (const one of [bob, mute, stranger]) await one.isQuiet();
  });

  const kindsOfMessages = [
    { category: 'task', content: { bodyText: 'do it', description: 'with care', dueDate: '2030-01-01T00:00:00.000Z', assignees: [{ _id: 'x' }], status: 'pending' } },
    { category: 'idea', content: { bodyText: 'think', description: 'about <b>it</b>', data: [{ fileId: 'f', name: 'plan.pdf', fileSize: 7, provider: 'native' }] } },
    { category: 'chat', content: { bodyText: 'Grüße, 世界 🌍 \u2028 "quoted" \\ \u0001' } },
  ];
  stage.each('S48', EVERYBODY, 'sends tasks and ideas whole', async (scene, kind) => {
    const bob = await scene.subscribed(J17, 'bob');
    const alice = await scene.subscribed(kind, 'alice');
    for (const { category, content } of kindsOfMessages) {
      alice.emit('SEND_MESSAGE', { category, content, topicId: scene.topic });
      const { content: came } = await bob.next('MESSAGE_SENT', { category });
      for (const [key, value] of Object.entries(content)) like(came[key], exactly(value), key);
      like(came, { description: any, data: any });
    }
  });

  stage.each('S48', LIBRARIES, 'says and hears by polling what is not ASCII', async (scene, kind) => {
    const bob = await scene.subscribed(WS, 'bob');
    const alice = await scene.subscribed(kind, scene.person('alice', { displayname: 'Ålice 🌍' }), scene.topic, { transports: 'polling' });
    for (const bodyText of ['Grüße', '世界', '🌍🏳️‍🌈', '\u2028\u0085']) {
      bob.emit('SEND_MESSAGE', { category: 'chat', content: { bodyText }, topicId: scene.topic });
      assert.equal((await alice.next('MESSAGE_SENT')).content.bodyText, bodyText, 'what it hears');
      await bob.next('MESSAGE_SENT');
      alice.emit('SEND_MESSAGE', { category: 'chat', content: { bodyText }, topicId: scene.topic });
      const { content, sender } = await bob.next('MESSAGE_SENT');
      assert.deepEqual([content.bodyText, sender.displayname], [bodyText, 'Ålice 🌍'], 'what it says');
      await alice.next('MESSAGE_SENT', { content: { bodyText } });
    }
  });

  const media = [
    ['SEND_MEDIA_SESSION_EVENTS', 'tracksstatus'],
    ['SEND_MEDIA_SESSION_EVENTS', 'trackstatus'],
    ['SEND_MEDIA_SESSION_EVENTS ', 'tracksstatus'],
    ['SEND_MEDIA_SESSION_EVENTS', 'video.end'],
  ];
  stage.each('S49', EVERYBODY, 'tells of its media', async (scene, kind) => {
    const bob = await scene.subscribed(kind, 'bob');
    const alice = await scene.member(kind, 'alice');
    await bob.hears('party.online', alice);
    for (const [event, category] of media) {
      const example = golden(category === 'video.end' ? 'client-media-video-end' : 'client-media-tracksstatus');
      alice.emit(event, { ...example, category, topicId: scene.topic });
      const isStatus = (name) => name === category || (category === 'trackstatus' && name === 'tracksstatus');
      for (const one of [alice, bob]) like(await one.next('MEDIA_SESSION_RESPONSE', { category: isStatus }), { topicId: scene.topic, sender: { _id: alice.person.id } });
    }
  });
  stage.each('S49', EVERYBODY, 'calls one party, and only that one hears it', async (scene, kind) => {
    const [alice, bob, carol] = [await scene.member(kind, 'alice'), await scene.member(kind, 'bob'), await scene.subscribed(kind, 'carol')];
    await alice.hears('party.online', bob);
    const offer = { category: 'space.call.offer', topicId: scene.topic, content: {}, receivers: [{ _id: bob.person.id }] };
    alice.emit('SEND_MEDIA_SESSION_EVENTS', offer);
    await bob.next('MEDIA_SESSION_RESPONSE', { category: 'space.call.offer', sender: { _id: alice.person.id } });
    await settle(alice, carol);
    await carol.isQuiet('of a call to bob');
  });
});

function message(alice, topicId, bodyText) {
  const { displayname, username, picture_url } = alice.person.claims;
  const sender = { _id: alice.person.id, displayname, username, picture_url, type: 'user' };
  return { _id: text, category: 'chat', topicId, topicTitle: text, topicType: text, created: instant, sender, content: { bodyText } };
}

function script(name) {
  return fileURLToPath(new URL(`python/${name}`, import.meta.url));
}
