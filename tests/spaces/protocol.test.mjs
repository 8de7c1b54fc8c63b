// Engine.IO 3 and 4 and Socket.IO 4 and 5, frame by frame (S5, S6, S11, S15, S17).

import assert from 'node:assert/strict';
import { Frames, Polling, query } from './kit/frames.mjs';
import { exactly, like, text } from '../kit/like.mjs';
import { PATIENCE } from '../kit/patience.mjs';
import { suite } from './kit/scene.mjs';

const VERSIONS = [3, 4];
const CHAT_EVENT = JSON.stringify(['UNSUBSCRIBE_CHANNEL', { channel: { _id: 'nowhere', type: 'topic' } }]);
const CHAT_ANSWER = '42/chat,["CHANNEL_UNSUBSCRIBED",{"channel":{"_id":"nowhere","type":"topic"}}]';

suite('the protocol', (stage) => {
  const versions = (number, title, play) => {
    for (const eio of VERSIONS) stage.one(`${number} EIO${eio}`, title, (scene) => play(scene, eio, scene.person('alice').token));
  };

  // --- handshakes ---

  versions('S17', 'opens by websocket', async ({ hub }, EIO) => {
    const frames = await Frames.open(hub, { EIO });
    like(frames.opened, opened(EIO, []));
    frames.end();
  });
  versions('S17', 'opens by polling', async ({ hub }, EIO) => {
    const polling = new Polling(hub, { EIO });
    const { status, headers, packets } = await polling.poll();
    assert.equal(status, 200);
    assert.match(headers.get('content-type'), /^text\/plain; ?charset=utf-8$/i);
    assert.match(packets[0], /^0\{/);
    like(JSON.parse(packets[0].slice(1)), opened(EIO, ['websocket']));
  });
  versions('S17', 'gives every session an id of its own', async ({ hub }, EIO) => {
    const sids = await Promise.all(Array.from({ length: 20 }, async () => (await Polling.open(hub, { EIO })).opened.sid));
    assert.equal(new Set(sids).size, sids.length);
    assert.ok(sids.every((sid) => sid.length >= 20), 'and one that cannot be guessed');
  });

  stage.one('S5', 'frames exactly as the client without a library has them', async (scene) => {
    const { token } = scene.person('alice');
    for (const connect of [`40/chat?token=${token}&tokenType=jwt,`, `40/chat?token=${token}&tokenType=jwt`, '40/chat,', '40/chat']) {
      const frames = await Frames.open(scene.hub, { token, tokenType: 'jwt', EIO: 3, batchRoster: 'true' });
      assert.equal(await frames.next(), '40');
      frames.send(connect);
      assert.equal(await frames.next(), '40/chat', connect.replace(token, 'T'));
      frames.send('2');
      assert.equal(await frames.next(), '3');
      const { channel } = await frames.subscribe(scene.topic);
      assert.equal(channel._id, scene.topic);
      frames.end();
    }
  });
  stage.one('S6', 'nothing comes unasked, and the answer has an id', async (scene) => {
    const { token } = scene.person('alice');
    for (const connect of ['40/chat,{}', '40/chat,', '40/chat']) {
      const frames = await Frames.open(scene.hub, { token, EIO: 4 });
      frames.send(connect);
      const answer = await frames.next();
      assert.match(answer, /^40\/chat,\{"sid":"[^"]+"\}$/);
      assert.notEqual(JSON.parse(answer.slice(8)).sid, frames.opened.sid, 'an id that is not that of the transport');
      frames.end();
    }
  });
  stage.one('S6', 'who never connects to a namespace is closed', async (scene) => {
    const frames = await Frames.open(scene.hub, { token: scene.person('alice').token, EIO: 4 });
    // It keeps to the heartbeat, so that this is not the reason.
    frames.socket.on('message', (data) => String(data) === '2' && frames.send('3'));
    await frames.closed(PATIENCE.leave);
    assert.ok(frames.inbox.arrivals.filter(({ payload }) => payload === '2').length > 1, 'after more than one beat');
    assert.ok(!frames.inbox.arrivals.some(({ payload }) => String(payload).startsWith('40')));
  });

  // --- refusals ---

  const refusals = [
    ['nothing', {}, 'GET'],
    ['no transport', { EIO: 4 }, 'GET'],
    ['no version', { transport: 'polling' }, 'GET'],
    ['a version to come', { EIO: 5, transport: 'polling' }, 'GET'],
    ['a version of old', { EIO: 2, transport: 'polling' }, 'GET'],
    ['a version that is no number', { EIO: 'four', transport: 'polling' }, 'GET'],
    ['an unknown transport', { EIO: 4, transport: 'pigeon' }, 'GET'],
    ['a transport of objects', { EIO: 4, transport: 'constructor' }, 'GET'],
    ['an unknown session', { EIO: 4, transport: 'polling', sid: 'unknown' }, 'GET'],
    ['an unknown session of version 3', { EIO: 3, transport: 'polling', sid: 'unknown' }, 'GET'],
    ['a post to an unknown session', { EIO: 4, transport: 'polling', sid: 'unknown' }, 'POST'],
    ['a post without a session', { EIO: 4, transport: 'polling' }, 'POST'],
    ['websocket without an upgrade', { EIO: 4, transport: 'websocket' }, 'GET'],
  ];
  for (const [what, pairs, method] of refusals) {
    stage.one('S15', `${what} is a bad request`, async ({ hub }) => {
      const response = await fetch(hub.url + query(pairs), { method, body: method === 'POST' ? '40' : undefined });
      assert.equal(response.status, 400);
      like(await response.json(), { code: Number.isInteger, message: text });
    });
  }
  const sockets = [
    ['no version', { EIO: undefined }],
    ['a version to come', { EIO: 5 }],
    ['an unknown transport', { EIO: 4, transport: 'pigeon' }],
    ['an unknown session', { EIO: 4, sid: 'unknown' }],
    ['an unknown session of version 3', { EIO: 3, sid: 'unknown' }],
  ];
  for (const [what, pairs] of sockets) {
    stage.one('S15', `${what} is no websocket`, async ({ hub }) => {
      assert.equal(await new Frames(hub, pairs).refused(), 400);
    });
  }
  versions('S15', 'the session of a websocket is not polled', async ({ hub }, EIO, token) => {
    const frames = await Frames.enter(hub, EIO, token);
    const polling = new Polling(hub, { EIO, sid: frames.opened.sid });
    assert.equal((await polling.poll()).status, 400);
    assert.equal((await polling.post('2')).status, 400);
    frames.end();
  });
  versions('S15', 'a second poll at once closes', async ({ hub }, EIO, token) => {
    const polling = await Polling.enter(hub, EIO, token);
    const both = await Promise.all([polling.poll(), polling.poll()]);
    assert.ok(both.some(({ status }) => status === 400), `${both.map(({ status }) => status)}`);
    assert.equal((await polling.poll()).status, 400, 'the session is gone');
  });
  versions('S15', 'a second post at once closes', async ({ hub }, EIO, token) => {
    const polling = await Polling.enter(hub, EIO, token);
    const body = new ReadableStream({ start: (slow) => slow.enqueue(new TextEncoder().encode('4')) });
    const giveUp = new AbortController();
    const headers = { 'content-type': 'text/plain;charset=UTF-8' };
    const first = fetch(hub.url + query(polling.pairs), { method: 'POST', body, duplex: 'half', headers, signal: giveUp.signal }).catch(() => undefined);
    let status = 200;
    // The first may still be on its way when the second is there.
    while (status === 200) ({ status } = await polling.post(EIO === 3 ? '2' : '3'));
    assert.equal(status, 400);
    assert.equal((await polling.poll()).status, 400, 'the session is gone');
    giveUp.abort();
    await first;
  });
  versions('S15', 'the headers of clients are allowed to pages', async ({ hub }, EIO) => {
    const asked = 'authorization,content-type,spaces-x-space-password';
    const headers = { origin: 'https://pages.example.test', 'access-control-request-method': 'POST', 'access-control-request-headers': asked };
    for (const path of [query({ EIO, transport: 'polling' }), '/api/anonymous/auth', '/api/spaces/a/join', '/api/users/me']) {
      const answer = await fetch(hub.url + path, { method: 'OPTIONS', headers });
      assert.ok(answer.ok, `${path}: ${answer.status}`);
      assert.equal(answer.headers.get('access-control-allow-origin'), headers.origin, path);
      const allowed = answer.headers.get('access-control-allow-headers')?.toLowerCase() ?? '';
      for (const name of path.startsWith('/api') ? asked.split(',') : ['content-type']) assert.ok(allowed.includes(name), `${path}: ${allowed}`);
    }
  });
  versions('S15', 'pages of other origins are refused', async ({ hub }, EIO, token) => {
    const headers = { origin: 'https://evil.example.test' };
    const poll = await fetch(hub.url + query({ EIO, transport: 'polling', token }), { headers });
    assert.ok(poll.status === 403 || poll.headers.get('access-control-allow-origin') === null);
    assert.equal(await new Frames(hub, { EIO, token }, headers).refused(), 403);
  });

  // --- messages ---

  versions('S17', 'events by polling, several in one payload', async ({ hub, topic }, EIO, token) => {
    const polling = await Polling.enter(hub, EIO, token);
    const subscribe = `42/chat,${JSON.stringify(['SUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: topic } }])}`;
    assert.deepEqual(await polling.post(subscribe, `42/chat,${CHAT_EVENT}`), { status: 200, text: 'ok' });
    assert.match(await polling.until(/CHANNEL_SUBSCRIBED/), /^42\/chat,\["CHANNEL_SUBSCRIBED",\{/);
    assert.equal(await polling.until(/CHANNEL_UNSUBSCRIBED/), CHAT_ANSWER);
  });
  versions('S17', 'text of every plane by polling', async ({ hub, topic }, EIO, token) => {
    const polling = await Polling.enter(hub, EIO, token);
    await polling.post(`42/chat,${JSON.stringify(['SUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: topic } }])}`);
    await polling.until(/CHANNEL_SUBSCRIBED/);
    const bodyText = 'Grüße, 世界 🌍🏳️‍🌈 \u2028';
    await polling.post(`42/chat,${JSON.stringify(['SEND_MESSAGE', { category: 'chat', topicId: topic, content: { bodyText } }])}`, `42/chat,${CHAT_EVENT}`);
    const sent = await polling.until(/MESSAGE_SENT/);
    assert.equal(JSON.parse(sent.slice(8))[1].content.bodyText, bodyText);
    assert.equal(await polling.until(/CHANNEL_UNSUBSCRIBED/), CHAT_ANSWER);
  });
  versions('S17', 'an acknowledgement is answered', async ({ hub }, EIO, token) => {
    const frames = await Frames.enter(hub, EIO, token);
    frames.send(`42/chat,456${CHAT_EVENT}`);
    assert.equal(await frames.next(), CHAT_ANSWER);
    assert.match(await frames.next(), /^43\/chat,456\[.*\]$/);
    frames.end();
  });
  versions('S17', 'the root namespace speaks the same', async ({ hub }, EIO, token) => {
    const frames = await Frames.open(hub, { EIO, token });
    if (EIO === 4) frames.send('40');
    assert.match(await frames.next(), EIO === 4 ? /^40\{"sid":"[^"]+"\}$/ : /^40$/);
    frames.send(`42${CHAT_EVENT}`);
    assert.equal(await frames.next(), CHAT_ANSWER.replace('/chat,', ''));
    frames.end();
  });
  versions('S17', 'a client disconnects from the namespace, and may connect again', async ({ hub, brief }, EIO, token) => {
    for (const goodbye of ['41/chat,', '41/chat']) {
      const frames = await Frames.enter(hub, EIO, token);
      await frames.subscribe(brief);
      frames.send(goodbye, '40/chat,');
      assert.match(await frames.next(), /^40\/chat/);
      await frames.subscribe(brief);
      frames.end();
    }
  });
  versions('S17', 'an event before CONNECT is refused', async ({ hub, topic }, EIO, token) => {
    const frames = await Frames.open(hub, { EIO, token });
    frames.send(`42/chat,${JSON.stringify(['SUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: topic } }])}`);
    assert.match(await frames.next((frame) => frame.startsWith('44')), EIO === 3 ? /^44\/chat,"[^"]+"$/ : /^44\/chat,\{"message":"[^"]+"\}$/);
    frames.send('40/chat,');
    await frames.next((frame) => frame.startsWith('40/chat'));
    frames.send(`42/chat,${CHAT_EVENT}`);
    await frames.next((frame) => frame === CHAT_ANSWER);
    assert.ok(!frames.inbox.arrivals.some(({ payload }) => String(payload).includes('CHANNEL_SUBSCRIBED')));
    frames.end();
  });

  // --- heartbeats ---

  versions('S11', 'who is silent is closed', async ({ hub }, EIO, token) => {
    const frames = await Frames.enter(hub, EIO, token);
    await frames.closed(PATIENCE.leave);
    if (EIO === 4) assert.equal(await frames.next(), '2', 'after a ping');
  });
  versions('S11', 'who keeps to the heartbeat stays', async ({ hub }, EIO, token) => {
    const silent = await Frames.enter(hub, EIO, token);
    const frames = await Frames.enter(hub, EIO, token);
    const isOver = silent.closed(PATIENCE.leave).then(() => true);
    const interval = frames.opened.pingInterval;
    while (!(await Promise.race([isOver, beat(frames, EIO, interval)])));
    frames.send(`42/chat,${CHAT_EVENT}`);
    await frames.next((frame) => frame === CHAT_ANSWER);
    frames.end();
  });
  versions('S11', 'who polls and is silent is closed', async ({ hub }, EIO, token) => {
    const polling = await Polling.enter(hub, EIO, token);
    for (;;) {
      const { status, packets } = await polling.poll();
      if (status === 400 || packets.includes('1')) break;
    }
    assert.equal((await polling.poll()).status, 400);
  });

  // --- upgrades ---

  versions('S17', 'upgrades from polling to websocket', async ({ hub }, EIO, token) => {
    const polling = await Polling.enter(hub, EIO, token);
    const frames = new Frames(hub, { EIO, sid: polling.opened.sid });
    await frames.inbox.next('open');
    const pending = polling.poll();
    frames.send('2probe');
    assert.equal(await frames.next(), '3probe');
    assert.deepEqual((await pending).packets, ['6'], 'the pending poll is let go');
    frames.send('5', `42/chat,${CHAT_EVENT}`);
    assert.equal(await frames.next(), CHAT_ANSWER);
    assert.equal((await polling.poll()).status, 400, 'the old transport is gone');
    frames.send(`42/chat,${CHAT_EVENT}`);
    assert.equal(await frames.next(), CHAT_ANSWER, 'the new one is not');
    frames.end();
  });
  versions('S17', 'goes on polling when the upgrade is given up', async ({ hub }, EIO, token) => {
    const polling = await Polling.enter(hub, EIO, token);
    for (const probe of [['2probe'], [], ['9'], ['2other'], ['5']]) {
      const frames = await letIn(hub, { EIO, sid: polling.opened.sid });
      frames.send(...probe);
      if (probe[0] === '2probe') await frames.next();
      frames.end();
      await frames.closed();
    }
    await polling.post(`42/chat,${CHAT_EVENT}`);
    assert.equal(await polling.until(/^42/), CHAT_ANSWER);
  });
  versions('S17', 'is upgraded once', async ({ hub }, EIO, token) => {
    const polling = await Polling.enter(hub, EIO, token);
    const [first, second] = [new Frames(hub, { EIO, sid: polling.opened.sid }), new Frames(hub, { EIO, sid: polling.opened.sid })];
    await first.inbox.next('open');
    first.send('2probe');
    assert.equal(await first.next(), '3probe');
    first.send('5', `42/chat,${CHAT_EVENT}`);
    assert.equal(await first.next(), CHAT_ANSWER);
    const late = new Frames(hub, { EIO, sid: polling.opened.sid });
    assert.equal(await late.refused(), 400);
    first.send(`42/chat,${CHAT_EVENT}`);
    assert.equal(await first.next(), CHAT_ANSWER);
    for (const frames of [first, second, late]) frames.end();
  });

  // --- closing ---

  versions('S17', 'closes when the client says so', async ({ hub }, EIO, token) => {
    const frames = await Frames.enter(hub, EIO, token);
    frames.send('1');
    await frames.closed();
    const polling = await Polling.enter(hub, EIO, token);
    const pending = polling.poll();
    await polling.post('1');
    like((await pending).packets, (packets) => packets.every((packet) => packet === '6' || packet === '1'));
    assert.equal((await polling.poll()).status, 400);
  });
  versions('S17', 'a payload that is none closes', async ({ hub }, EIO, token) => {
    for (const body of EIO === 4 ? ['abc', '\x1e', '4\x1e\x1e9', 'b!!!'] : ['abc', '9:40', '99999999999:4', '-1:4', ':', '1:9']) {
      const polling = await Polling.enter(hub, EIO, token);
      assert.equal((await polling.postText(body)).status, 400, JSON.stringify(body));
      assert.equal((await polling.poll()).status, 400, JSON.stringify(body));
    }
  });
  versions('S17', 'a payload that is too large is refused', async ({ hub }, EIO, token) => {
    const polling = await Polling.enter(hub, EIO, token);
    const event = `42/chat,["SEND_MESSAGE",{"content":{"bodyText":"${'x'.repeat(polling.opened.maxPayload ?? 70_000)}"}}]`;
    assert.equal(await polling.postAlone(polling.pack([event])), 413);
    assert.equal((await polling.poll()).status, 400, 'the session is gone');
  });
  versions('S17', 'a frame that is none closes', async ({ hub }, EIO, token) => {
    for (const frame of ['abc', '9', '']) {
      const frames = await Frames.enter(hub, EIO, token);
      frames.send(frame);
      await frames.closed();
    }
  });
}, { app: { origins: ['https://pages.example.test'] } });

/** A WebSocket for a session that polls; one that comes before the hub knows that another has given up is refused. */
async function letIn(hub, pairs) {
  for (;;) {
    const frames = new Frames(hub, pairs);
    if (await frames.isLetIn) return frames;
  }
}

function opened(EIO, upgrades) {
  const more = EIO === 4 ? { maxPayload: Number.isInteger } : {};
  return { sid: text, upgrades: exactly(upgrades), pingInterval: Number.isInteger, pingTimeout: Number.isInteger, ...more };
}

/** One beat: in version 3 the client's, at half its interval, in version 4 the hub's. */
async function beat(frames, EIO, interval) {
  if (EIO === 3) {
    await new Promise((resolve) => setTimeout(resolve, interval / 2));
    frames.send('2');
    await frames.next((frame) => frame === '3');
  } else {
    await frames.next((frame) => frame === '2', PATIENCE.leave);
    frames.send('3');
  }
  return false;
}
