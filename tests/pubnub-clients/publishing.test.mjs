// Messages and polls (P41-P44), history and time.

import assert from 'node:assert/strict';
import { deflateSync, gzipSync } from 'node:zlib';
import { JS, POLITE, PY, PYA, SDKS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'room-a';
const ROOMS = { channels: [ROOM] };

suite('publishing', (stage) => {
  stage.each('P41', SDKS, 'publishes by GET and by POST, with meta, and everybody hears it as it was said', async (scene, kind) => {
    const listeners = [];
    for (const other of SDKS) {
      listeners.push(await scene.client(other, `listener-${other.name}`));
      await listeners.at(-1).subscribe(ROOMS);
    }
    const tt = await scene.raw.handshake(ROOM);
    const ben = await scene.client(kind, 'ben');
    const said = [{ message: { x: [1, 'ü/?&%'] } }, { message: { y: 2 }, post: true }, { message: 'ünïcode', meta: { lang: 'en' } }];
    for (const one of said) {
      const cursor = await ben.call('publish', { channel: ROOM, ...one });
      assert.match(cursor, /^\d{17}$/);
      for (const listener of listeners) {
        const heard = await listener.next('@message', ({ tt: of }) => String(of) === cursor);
        assert.deepEqual([heard.channel, heard.message, heard.publisher], [ROOM, one.message, 'ben'], listener.name);
        if (one.meta && listener.kind === JS) assert.deepEqual(heard.meta, one.meta, listener.name);
      }
    }
    const { body } = await scene.raw.poll(ROOM, { tt });
    assert.deepEqual(body.m.map(({ c, d, i, b }) => [c, d, i, b]), said.map(({ message }) => [ROOM, message, 'ben', undefined]));
    assert.deepEqual(body.m[2].u, { lang: 'en' });
  });

  stage.each('P41', POLITE, 'signals, which is heard as a signal, and fires, which nobody hears', async (scene, kind) => {
    const listeners = [];
    for (const other of POLITE) {
      listeners.push(await scene.client(other, `listener-${other.name}`));
      await listeners.at(-1).subscribe(ROOMS);
    }
    const ben = await scene.client(kind, 'ben');
    await ben.call('fire', { channel: ROOM, message: 'fired' });
    const cursor = await ben.call('signal', { channel: ROOM, message: 'typing' });
    for (const listener of listeners) {
      const { message, tt, publisher } = await listener.next('@signal');
      assert.deepEqual([message, String(tt), publisher], ['typing', cursor, 'ben']);
    }
    await scene.settle(ROOM, ...listeners);
    for (const listener of listeners) listener.hasNothing('that was fired');
  });

  stage.one('P41 raw', 'gets envelopes of the reference, whatever a message is', async (scene) => {
    const tt = await scene.raw.handshake(ROOM);
    const first = await scene.publish(ROOM, { x: 1 }, { seqn: 7, meta: '%7B%22lang%22%3A%22en%22%7D', ortt: '%7B%22t%22%3A%2217610000000000000%22%7D', custom_message_type: 'text-line', uuid: 'ben' });
    await scene.raw.get(`/signal/{pub}/{sub}/0/${ROOM}/0/%22typing%22`, { uuid: 'ben' });
    await scene.publish(ROOM, null, { uuid: '' });
    let all = [];
    for (let cursor = tt; all.length < 3; ) {
      const { body } = await scene.raw.poll(ROOM, { tt: cursor });
      cursor = body.t.t;
      all = all.concat(body.m);
      assert.equal(body.t.t, all.at(-1).p.t);
    }
    const { a, f, p, ...rest } = all[0];
    assert.deepEqual([typeof a, f, p.t], ['string', 0, first]);
    assert.deepEqual(rest, { i: 'ben', s: 7, o: { t: '17610000000000000' }, k: scene.app.pubnub.subscribe_key, c: ROOM, u: { lang: 'en' }, d: { x: 1 }, cmt: 'text-line' });
    assert.deepEqual([all[1].e, all[1].d], [1, 'typing']);
    assert.equal(all[2].d, null);
  });

  for (const [what, body] of [['plain', Buffer.from('{"y":1}')], ['gzip', gzipSync('{"y":1}')], ['zlib', deflateSync('{"y":1}')]]) {
    stage.one('P41 raw', `posts a body that is ${what}, whatever its headers say`, async (scene) => {
      const tt = await scene.raw.handshake(ROOM);
      for (const headers of [{}, { 'content-encoding': 'gzip' }, { 'content-encoding': 'deflate', 'content-type': 'application/json' }, { 'content-type': 'application/x-www-form-urlencoded' }]) {
        const said = await scene.raw.get(`/publish/{pub}/{sub}/0/${ROOM}/0`, {}, { method: 'POST', headers, body });
        assert.deepEqual([said.status, said.body[0], said.body[1]], [200, 1, 'Sent'], said.text);
      }
      const { body: polled } = await scene.raw.poll(ROOM, { tt });
      assert.deepEqual(polled.m.map(({ d }) => d), Array(4).fill({ y: 1 }));
    });
  }

  stage.each('P41', [PY, PYA, JS], 'filters by meta, which drops presence unless the filter asks for it', async (scene, kind) => {
    const picky = await scene.client(kind, 'picky', { filter: "lang == 'en'" });
    await picky.subscribe({ ...ROOMS, presence: true });
    const social = await scene.client(kind, 'social', { filter: "lang == 'de' || pn_ispresence == 1" });
    await social.subscribe({ ...ROOMS, presence: true });
    await social.sees('join', 'social');
    await scene.present('ben', [ROOM]);
    await social.sees('join', 'ben');
    for (const lang of ['en', 'de', 'en']) await scene.publish(ROOM, lang, { meta: encodeURIComponent(JSON.stringify({ lang })) });
    await scene.publish(ROOM, 'no meta');
    for (let n = 0; n < 2; n += 1) await picky.next('@message', { message: 'en' });
    await social.next('@message', { message: 'de' });
    picky.hasNothing();
    social.hasNothing();
  });

  for (const [filter, wanted] of [
    ["lang == 'en'", [0]],
    ["lang != 'en' && n >= 2", [1, 2]],
    ["lang like 'D*'", [1]],
    ["tags contains 'x' || n + 1 == 4", [0, 2]],
    ["!(lang == 'en') && tags[0] == 'y'", [1]],
    ['missing == 1', []],
  ]) {
    stage.one('P41 raw', `gets what \`${filter}\` wants`, async (scene) => {
      const tt = await scene.raw.handshake(ROOM);
      for (const meta of [{ lang: 'en', n: 1, tags: ['x'] }, { lang: 'de', n: 2, tags: ['y'] }, { lang: 'fr', n: 3, tags: [] }]) await scene.publish(ROOM, meta.n - 1, { meta: encodeURIComponent(JSON.stringify(meta)) });
      await scene.publish('room-b', 'end', { meta: '%7B%22lang%22%3A%22en%22%2C%22n%22%3A1%2C%22missing%22%3A1%7D' });
      const expression = encodeURIComponent(filter);
      const { status, body } = await scene.raw.poll(wanted.length > 0 ? ROOM : 'room-a,room-b', { tt, 'filter-expr': expression });
      assert.equal(status, 200);
      assert.deepEqual(body.m.map(({ d }) => d).filter((d) => d !== 'end'), wanted);
    });
  }

  stage.one('P41 raw', 'is told that its filter is none', async (scene) => {
    const { status, body } = await scene.raw.poll(ROOM, { tt: 0, 'filter-expr': encodeURIComponent("lang == 'en") });
    assert.deepEqual([status, body.status, body.error], [481, 481, true]);
  });

  stage.one('P42 raw', 'catches up on other channels from an old cursor', async (scene) => {
    const tt = await scene.raw.handshake(ROOM);
    await scene.publish('room-b', 'before');
    await scene.publish(ROOM, 'here');
    const { body } = await scene.raw.poll('room-a,room-b', { tt });
    assert.deepEqual(body.m.map(({ d }) => d), ['before', 'here']);
    const later = await scene.raw.poll('room-a,room-b', { tt: body.m[0].p.t });
    assert.deepEqual(later.body.m.map(({ d }) => d), ['here']);
  });

  stage.one('P42 raw', 'is given the newest hundred of more', async (scene) => {
    const tt = await scene.raw.handshake(ROOM);
    const stamps = [];
    for (let n = 0; n < 150; n += 1) stamps.push(await scene.publish(ROOM, n));
    const { body } = await scene.raw.poll(ROOM, { tt });
    assert.deepEqual(body.m.map(({ d }) => d), Array.from({ length: 100 }, (_, n) => n + 50));
    assert.deepEqual(body.m.map(({ p }) => p.t), stamps.slice(50));
    assert.ok(stamps.every((stamp, n) => n === 0 || BigInt(stamp) > BigInt(stamps[n - 1])), 'timetokens increase');
  });

  stage.one('P43 raw', 'is held as long as the hub says, and answered with the same cursor', async (scene) => {
    const tt = await scene.raw.handshake(ROOM);
    const { status, body, ms } = await scene.raw.poll(ROOM, { tt });
    assert.deepEqual([status, body], [200, { t: { t: tt, r: 1 }, m: [] }]);
    assert.ok(ms >= 1_990, `held for ${ms} ms`);
  }, { hold: '2s' });

  stage.each('P43', SDKS, 'stays connected while its polls are answered with nothing', async (scene, kind) => {
    const ana = await scene.client(kind, 'ana');
    await ana.subscribe(ROOMS);
    const before = ana.statuses.length;
    const polls = () => ana.tap.to('v2/subscribe').filter(({ answer }) => answer === 200).length;
    await ana.tap.until(() => polls() >= 4, 'three answers to held polls');
    await scene.settle(ROOM, ana);
    ana.hasNothing();
    assert.equal(ana.statuses.length, before);
  }, { hold: '1s' });

  stage.one('P44 raw', 'names channels in every way that SDKs do', async (scene) => {
    const ways = ['room-a,room-b', 'room-a%2Croom-b', 'room-a,room-a,room-b', 'room-b,room-a,room-a-pnpres-pnpres', 'room%2Da,room-b'];
    for (const [n, names] of ways.entries()) {
      const tt = await scene.raw.handshake(names);
      for (const room of [ROOM, 'room-b']) await scene.publish(room, n);
      const messages = [];
      for (let cursor = tt; messages.length < 2; ) {
        const { body } = await scene.raw.poll(names, { tt: cursor });
        cursor = body.t.t;
        messages.push(...body.m.filter(({ c }) => !c.endsWith('-pnpres')));
      }
      assert.deepEqual(messages.map(({ c, b, d }) => [c, b, d]), [[ROOM, ROOM, n], ['room-b', 'room-b', n]], names);
    }
  });

  stage.one('P44 raw', 'names no channel, groups once and twice encoded, and patterns', async (scene) => {
    await scene.raw.get('/v1/channel-registration/sub-key/{sub}/channel-group/g%20one', { add: ROOM });
    for (const [names, pnsdk, group] of [[',', undefined, 'g%20one'], ['%2C', undefined, 'g%20one'], [',', 'PubNub-Rust%2F0.3.0', 'g%2520one'], [',', 'PubNub-Rust/0.9.0', 'g%2520one,nogroup']]) {
      const query = { groups: group, ...(pnsdk && { pnsdk }) };
      const tt = await scene.raw.handshake(names, query);
      await scene.publish(ROOM, 'hey');
      const { body } = await scene.raw.poll(names, { tt, ...query });
      assert.deepEqual(body.m.map(({ c, b }) => [c, b]), [[ROOM, 'g one']], `${names} ${group}`);
    }
    const tt = await scene.raw.handshake('w.%2A');
    await scene.publish('w.x', 'hey');
    assert.deepEqual((await scene.raw.poll('w.%2A', { tt })).body.m.map(({ c, b }) => [c, b]).filter(([c]) => c === 'w.x'), [['w.x', 'w.*']]);
  });

  stage.one('P44 raw', 'gives its cursor in every way that SDKs do', async (scene) => {
    for (const query of [{}, { tr: 3 }, { ee: '' }, { t: encodeURIComponent('{"r":0,"t":0}') }, { tt: '0', tr: '1' }]) {
      const { status, body } = await scene.raw.poll(ROOM, query);
      assert.deepEqual([status, body.m], [200, []], JSON.stringify(query));
      assert.match(body.t.t, /^\d{17}$/);
    }
    const tt = await scene.raw.handshake(ROOM);
    await scene.publish(ROOM, 'hey');
    const { body } = await scene.raw.poll(ROOM, { t: encodeURIComponent(JSON.stringify({ r: 12, t: tt })) });
    assert.deepEqual(body.m.map(({ d }) => d), ['hey']);
  });

  stage.one('P44 raw', 'wraps an answer for a callback', async (scene) => {
    const { text } = await scene.raw.get('/v2/subscribe/{sub}/room-a/answered', { tt: 0 });
    assert.match(text, /^answered\(\{"t":\{.*\},"m":\[\]\}\)$/);
  });

  stage.one('P44 Js', 'asks who is in two channels, whose comma it encodes', async (scene) => {
    await scene.present('ben', [ROOM]);
    const ana = await scene.client(JS, 'ana');
    const { channels, totalOccupancy } = await ana.call('hereNow', { channels: [ROOM, 'room-b'] });
    assert.deepEqual([Object.keys(channels), totalOccupancy], [[ROOM], 1]);
    assert.ok(ana.tap.requests.at(-1).target.includes('/channel/room-a%2Croom-b'));
  });

  stage.each('P44', [JS, PY, PYA], 'asks for the time and the history', async (scene, kind) => {
    const ana = await scene.client(kind, 'ana');
    const time = await ana.call('time');
    assert.match(time, /^\d{17}$/);
    const stamps = [await scene.publish(ROOM, 'one'), await scene.publish(ROOM, { two: 2 })];
    assert.ok(BigInt(stamps[0]) > BigInt(time));
    // Numbers of that size are only nearly what JavaScript can tell apart.
    const kept = (await ana.call('history', { channel: ROOM })).map(({ message, tt }) => [message, Number(tt)]);
    assert.deepEqual(kept, [['one', Number(stamps[0])], [{ two: 2 }, Number(stamps[1])]]);
    assert.deepEqual(await ana.call('history', { channel: 'empty' }), []);
  });
});
