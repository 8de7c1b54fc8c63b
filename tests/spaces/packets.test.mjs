// Packets that are wrong: the client is told, nobody else notices, and nothing grows.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Frames, Polling } from './kit/frames.mjs';
import { WS } from './kit/kinds.mjs';
import { like, text } from '../kit/like.mjs';
import { suite } from './kit/scene.mjs';

const VERSIONS = [3, 4];
const CODE = { frame: 'invalid.frame', json: 'invalid.json' };
const nested = (depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const binary = (eio, ...bytes) => Buffer.from(eio === 3 ? [4, ...bytes] : bytes);

/** What is sent, and the code of the answer. Of those that are no packets, version 4 is closed besides. */
const TOLD = [
  ['an event without a name', '42/chat,[]', CODE.frame],
  ['an event named by a number', '42/chat,[1,{}]', CODE.frame],
  ['an event named by nothing', '42/chat,[null]', CODE.frame],
  ['an event named by an object', '42/chat,[{"toString":"x"}]', CODE.frame],
  ...['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener', 'error'].map((name) => [`the reserved event ${name}`, `42/chat,["${name}",{}]`, CODE.frame]),
  ['an event that nobody knows', '42/chat,["NOBODY_KNOWS",{}]', 'unknown.event'],
  ['the event toString', '42/chat,["toString",{}]', 'unknown.event'],
  ['the event __proto__', '42/chat,["__proto__",{"x":1}]', 'unknown.event'],
  ['an event nested too deep', `42/chat,["SEND_MESSAGE",{"a":${nested(200)}}]`, text],
  ['an event of too many keys', `42/chat,["SEND_MESSAGE",{${Array.from({ length: 1_000 }, (_, n) => `"k${n}":0`).join()}}]`, 'too.large'],
  ['an event of a huge number', '42/chat,["SEND_MESSAGE",{"a":1e999}]', text],
];

const UNREADABLE = [
  ['an event without data', '42/chat,'],
  ['an event of an object', '42/chat,{"0":"SUBSCRIBE_CHANNEL"}'],
  ['an event that is cut off', '42/chat,["SUBSCRIBE_CHANNEL",{"channel"'],
  ['an event with more behind it', '42/chat,["SUBSCRIBE_CHANNEL",{}]x'],
  ['a packet of an unknown type', '47/chat,["X"]'],
  ['a packet of nothing', '4'],
  ['a packet of letters', '4two'],
  ['an id beyond all numbers', '42/chat,99999999999999999999999["X"]'],
  ['attachments without a number', '45-/chat,["X"]'],
  ['attachments below zero', '45-1-/chat,["X"]'],
  ['attachments without end', '4599999999999-/chat,["X"]'],
  ['eleven attachments', '4511-/chat,["X"]'],
  ['an acknowledgement of nothing', '43/chat,[]'],
  ['NUL', '4\0'],
];

/** What is let pass without a word: it cannot be told from what libraries send. */
const PASSED = [
  ['an acknowledgement nobody wants', '43/chat,7[{}]'],
  ['an error of the client', '44/chat,"no"'],
  ['a farewell to a namespace where it is not', '41/elsewhere,'],
];

suite('packets', (stage) => {
  const versions = (title, play) => {
    for (const eio of VERSIONS) {
      stage.one(`bad packets EIO${eio}`, title, async (scene) => {
        const witness = await scene.subscribed(WS, 'witness');
        const frames = await Frames.enter(scene.hub, eio, scene.person('mallory').token);
        await frames.subscribe(scene.topic);
        await play(frames, eio, scene);
        frames.end();
        await witness.isQuiet('of a bad packet');
      });
    }
  };
  for (const [what, frame, code] of TOLD) {
    versions(`${what}: it is told`, async (frames) => {
      frames.send(frame);
      await isTold(frames, code);
      await goesOn(frames);
    });
  }
  for (const [what, frame] of UNREADABLE) {
    versions(`${what}: it is told, and closed where the protocol wants it`, async (frames, eio) => {
      frames.send(frame);
      await isTold(frames, text);
      if (eio === 4) await frames.closed();
      else await goesOn(frames);
    });
  }
  for (const [what, frame] of PASSED) {
    versions(`${what}: it is passed over`, async (frames) => {
      frames.send(frame);
      await goesOn(frames);
    });
  }

  versions('no attachment at all: it is complete at once', async (frames, eio, { topic }) => {
    frames.send(`450-/chat,${JSON.stringify(['SEND_MESSAGE', { category: 'chat', topicId: `${topic}-not`, content: { bodyText: 'x' } }])}`);
    await frames.next((frame) => frame.startsWith('42/chat,["SEND_MESSAGE_FAILED"'));
  });
  versions('attachments that are there: they are part of the event', async (frames, eio, { topic }) => {
    const data = { _placeholder: true, num: 0 };
    frames.send(`451-/chat,${JSON.stringify(['SEND_MESSAGE', { category: 'chat', topicId: `${topic}-not`, content: { bodyText: 'x', data } }])}`, binary(eio, 1, 2, 3));
    const [, failed] = JSON.parse((await frames.next((frame) => frame.startsWith('42/chat,["SEND_MESSAGE_FAILED"'))).slice(8));
    assert.equal(failed.content.data, 'AQID');
  });
  for (const num of ['7', '-1', '"0"', '1.5', '1e99', 'null']) {
    versions(`a placeholder of attachment ${num}: it is told`, async (frames, eio) => {
      frames.send(`451-/chat,["SEND_MESSAGE",{"_placeholder":true,"num":${num}}]`, binary(eio, 1));
      await isTold(frames, text);
      await goesOn(frames);
    });
  }
  versions('a binary message nobody announced: it is told', async (frames, eio) => {
    frames.send(binary(eio, 1, 2));
    await isTold(frames, CODE.frame);
    await goesOn(frames);
  });
  versions('another packet in the place of an attachment: it is told, and served', async (frames) => {
    frames.send('451-/chat,["SEND_MESSAGE",{"_placeholder":true,"num":0}]');
    await goesOn(frames);
    await isTold(frames, CODE.frame);
  });
  versions('an attachment that never comes: it is told after a while', async (frames) => {
    frames.send('451-/chat,["SEND_MESSAGE",{"_placeholder":true,"num":0}]');
    like(await error(frames), { code: CODE.frame, message: text });
    await goesOn(frames);
  });
  versions('attachments that are larger than a frame: it is told, and closed', async (frames, eio) => {
    frames.send('4510-/chat,["SEND_MESSAGE",{"_placeholder":true,"num":0}]');
    for (let n = 0; n < 10; n += 1) frames.send(binary(eio, ...Buffer.alloc(30_000)));
    await isTold(frames, text);
    assert.equal(await frames.closed(), 1009);
  });
  versions('a frame that is larger than a frame: it is closed', async (frames) => {
    frames.send(`42/chat,["SEND_MESSAGE","${'x'.repeat(70_000)}"]`);
    assert.equal(await frames.closed(), 1009);
  });
  versions('a flood of bad packets: it is told, and closed', async (frames) => {
    for (let n = 0; n < 1_000 && frames.isOpen; n += 1) frames.send('42/chat,["NOBODY_KNOWS",{}]');
    assert.equal(await frames.closed(), 1008);
  });
  versions('a second CONNECT: it is answered like the first', async (frames, eio) => {
    const first = frames.entered;
    frames.send('40/chat,');
    assert.equal(await frames.next((frame) => frame.startsWith('40')), first, `version ${eio}`);
    await goesOn(frames);
  });
  versions('an event in a namespace where it is not: it is refused there', async (frames, eio) => {
    frames.send('42/elsewhere,["SUBSCRIBE_CHANNEL",{}]');
    assert.match(await frames.next((frame) => frame.startsWith('44/elsewhere')), eio === 3 ? /^44\/elsewhere,".+"$/ : /^44\/elsewhere,\{"message":".+"\}$/);
    await goesOn(frames);
  });
  versions('another token in a second CONNECT: it stays who it is', async (frames, eio, scene) => {
    const { token } = scene.person('somebody-else');
    frames.send(eio === 3 ? `40/chat?token=${token},` : `40/chat,{"token":"${token}"}`);
    const [, sent] = JSON.parse((await frames.next((frame) => frame.startsWith('40')).then(() => message(frames, scene.topic))).slice(8));
    assert.match(sent.sender._id, /^mallory/);
  });

  const frames = [
    ['no JSON', 'nonsense', 'invalid.json'],
    ['JSON that is cut off', '{"event":"SUBSCRIBE_CHANNEL","payload":{', 'invalid.json'],
    ['no event', '{"payload":{}}', 'invalid.frame'],
    ['an event that is a number', '{"event":7,"payload":{}}', 'invalid.frame'],
    ['a list', '["SUBSCRIBE_CHANNEL",{}]', 'invalid.frame'],
    ['nothing', '', 'invalid.json'],
    ['an unknown event', '{"event":"NOBODY_KNOWS","payload":{}}', 'unknown.event'],
    ['a frame of Socket.IO', '42/chat,["SUBSCRIBE_CHANNEL",{}]', 'invalid.json'],
    ['a frame nested too deep', `{"event":"SEND_MESSAGE","payload":{"a":${nested(100)}}}`, 'too.deep'],
  ];
  for (const [what, frame, code] of frames) {
    stage.one('S56 WS', `${what}: it is told, and goes on`, async (scene) => {
      const witness = await scene.subscribed(WS, 'witness');
      const alice = await scene.subscribed(WS, 'alice');
      alice.send(frame);
      like(await alice.next('ERROR'), { error: { code, message: text } });
      await alice.isQuiet();
      await witness.isQuiet('of a bad frame');
    });
  }

  stage.one('bad packets', 'what is announced and never sent takes little memory', async (scene) => {
    const { token } = scene.person('mallory');
    const before = await resident(scene.hub);
    const all = [];
    for (let n = 0; n < 50; n += 1) {
      const frames = await Frames.enter(scene.hub, 4, token);
      frames.send('4510-/chat,["SEND_MESSAGE",{"_placeholder":true,"num":0}]');
      for (let part = 0; part < 3; part += 1) frames.send(Buffer.alloc(20_000));
      all.push(frames);
    }
    const polling = await Polling.enter(scene.hub, 4, token);
    await polling.post('42/chat,["NOBODY_KNOWS",{}]');
    await polling.until(/unknown\.event/);
    const grown = (await resident(scene.hub)) - before;
    for (const frames of all) frames.end();
    assert.ok(grown < 30 * 1024, `${grown} KiB more for 50 unfinished packets`);
  });
}, { settings: { 'socketio.attachment_timeout': '1s' } });

async function error(frames) {
  const [, payload] = JSON.parse((await frames.next((frame) => frame.startsWith('42/chat,["ERROR"'))).slice(8));
  return payload.error;
}

async function isTold(frames, code) {
  like(await error(frames), { code, message: text });
}

/** The connection is still served, and had nothing else. */
async function goesOn(frames) {
  await frames.ask('UNSUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: 'nowhere' } }, 'CHANNEL_UNSUBSCRIBED');
}

async function message(frames, topicId) {
  frames.send(`42/chat,${JSON.stringify(['SEND_MESSAGE', { category: 'chat', topicId, content: { bodyText: 'who am I?' }, receivers: ['nobody'] }])}`);
  return frames.next((frame) => frame.startsWith('42/chat,["MESSAGE_SENT"'));
}

/** The hub's memory in KiB. */
async function resident({ pid }) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]);
}
