// What backends publish, and what is wrong with some of it (U14-U22, U38).

import assert from 'node:assert/strict';
import { APY, BACKENDS, JS, NODE, PY3, PYR, PYS, RAW } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

/** A channel's name with every letter that one may have. */
const ODD = 'pypub@=,.;_-1';

suite('publishing', (stage) => {
  stage.each('U14', BACKENDS, 'publishes to every client library, and is answered {}', async (scene, kind) => {
    const clients = await Promise.all([JS, PYS, APY, RAW].map((one) => scene.subscribed(one, 'pub', { listen: ['ev'] })));
    assert.deepEqual(await scene.backend(kind).trigger(['pub'], 'ev', { hello: 'w' }), {});
    for (const client of clients) {
      const { data } = await client.next('ev');
      assert.deepEqual(typeof data === 'string' ? JSON.parse(data) : data, { hello: 'w' }, client.name);
      await client.isQuiet();
    }
  });

  stage.one('U15 PY3', 'has its texts passed on byte for byte', async (scene) => {
    const client = await scene.subscribed(RAW, 'pub');
    const backend = scene.backend(PY3);
    const texts = ['{"b":1,"a":"é"}', '{ "b" : 1 ,"a":"\\u00e9" }', 'hello', '"quoted"', '5', '', '😀 \u2028 \\ / \u0007', 'null', '1.0', '[1e2]'];
    for (const text of texts) {
      await backend.trigger('pub', 'ev', text);
      assert.equal((await client.next('ev')).data, text);
    }
  });

  stage.each('U15 JS', [PY3, PYR, NODE], 'gets objects as their backend wrote them', async (scene, kind) => {
    const [client, raw] = [await scene.subscribed(JS, 'pub'), await scene.subscribed(RAW, 'pub')];
    const data = { b: [1, 1.5, null, true], a: 'é "quoted" 😀', '': {} };
    await scene.backend(kind).trigger(['pub'], 'ev', data);
    assert.deepEqual((await client.next('ev')).data, data);
    const text = (await raw.next('ev')).data;
    assert.equal(text.includes('é'), kind !== PYR, 'this one escapes what is not ASCII in the data itself, and so it stays');
  });

  stage.each('U16', BACKENDS, 'leaves one connection out, on all channels, and nobody for an id it does not know', async (scene, kind) => {
    const backend = scene.backend(kind);
    const [one, two] = [await scene.subscribed(JS, 'a'), await scene.subscribed(JS, 'a')];
    for (const client of [one, two]) await client.subscribe('b');
    await backend.trigger(['a', 'b'], 'ev', 1, { socketId: one.socketId });
    for (const channel of ['a', 'b']) await two.next('ev', { channel });
    await one.isQuiet();
    await backend.trigger(['a', 'b'], 'ev', 2, { socketId: '1234.12' });
    for (const client of [one, two]) for (const channel of ['a', 'b']) await client.next('ev', { channel, data: 2 });
    await backend.trigger(['a', 'a'], 'ev', 3);
    for (const client of [one, two]) {
      await client.next('ev', { channel: 'a', data: 3 });
      await client.isQuiet('a second time');
    }
  });

  stage.one('U17 NODE', 'is told exactly what it asks about its channels', async (scene) => {
    const backend = scene.backend(NODE);
    for (const id of ['1', '1', '2']) await scene.member(JS, 'presence-x', id);
    await scene.subscribed(JS, 'pub');
    const answers = [
      [['pub', 'presence-x', 'none'], 'subscription_count', { pub: { subscription_count: 1 }, 'presence-x': { subscription_count: 3 }, none: { subscription_count: 0 } }],
      [['pub', 'presence-x'], 'user_count', { pub: {}, 'presence-x': { user_count: 2 } }],
      [['pub', 'presence-x'], 'user_count,subscription_count', { pub: { subscription_count: 1 }, 'presence-x': { user_count: 2, subscription_count: 3 } }],
    ];
    for (const [channels, info, expected] of answers) assert.deepEqual(await backend.trigger(channels, 'ev', 1, { info }), { channels: expected }, info);
    const item = (more) => ({ channel: 'pub', name: 'ev', data: '1', ...more });
    assert.deepEqual(await backend.batch([item({ info: 'subscription_count' }), item()]), { batch: [{ subscription_count: 1 }, {}] });
    assert.deepEqual(await backend.batch([item(), item()]), {});
  });

  stage.each('U18', [PY3, NODE], 'sends ten events in order, and not eleven', async (scene, kind) => {
    const backend = scene.backend(kind);
    const client = await scene.subscribed(JS, 'pub');
    await client.subscribe('second');
    const batch = (count) => Array.from({ length: count }, (_, n) => ({ channel: n % 2 ? 'pub' : 'second', name: 'ev', data: { n } }));
    assert.deepEqual(await backend.batch(batch(10)), {});
    await client.next('ev', { data: { n: 9 } });
    const first = client.inbox.history.filter(({ event }) => event === 'ev').map(({ payload }) => payload.data.n);
    assert.deepEqual(first, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    client.inbox.take();
    const refused = kind === PY3 ? { name: 'PusherBadRequest' } : { status: 400 };
    await assert.rejects(backend.batch(batch(11)), refused);
    await client.isQuiet('of eleven');
  });

  stage.one('U19 U38 NODE', 'is refused what is wrong with its events, and nothing of them arrives', async (scene) => {
    const backend = scene.backend(NODE);
    const client = await scene.subscribed(JS, 'pub');
    const good = { name: 'ev', channels: ['pub'], data: '1' };
    const wrong = [
      [413, { data: 'x'.repeat(10_241) }],
      [413, { data: 'é'.repeat(5_121) }],
      [400, { channels: Array.from({ length: 101 }, (_, n) => `c${n}`) }],
      [400, { name: 'n'.repeat(201) }],
      [400, { channels: ['bad channel'] }],
      [400, { channels: ['c'.repeat(201)] }],
      [400, { channels: ['pub', ''] }],
      [400, { channels: [] }],
      [400, { channels: 'pub' }],
      [400, { channels: undefined }],
      [400, { name: undefined }],
      [400, { data: undefined }],
      [400, { socket_id: 'foo' }],
      [400, { socket_id: '1.2.3' }],
      [400, { name: 'pusher:x' }],
      [400, { name: 'pusher_internal:x' }],
      [400, { info: 'bogus' }],
    ];
    for (const [status, more] of wrong) await assert.rejects(backend.post('/events', { ...good, ...more }), { status, text: /./ }, JSON.stringify(more).slice(0, 60));
    assert.equal((await backend.send('POST', '/events', { body: '{"name":' })).status, 400);
    assert.equal((await backend.send('POST', '/events', { body: '[]' })).status, 400);
    await client.isQuiet();
    await backend.post('/events', { ...good, data: 'x'.repeat(10_240) });
    assert.equal((await client.next('ev')).data.length, 10_240);
    await backend.post('/events', { ...good, socket_id: null });
    await client.next('ev', { data: 1 });
  });

  stage.one('U19 U38 PY3', 'hears of each error by its own exception', async (scene) => {
    const backend = scene.backend(PY3);
    const client = await scene.subscribed(JS, 'pub');
    await assert.rejects(backend.trigger('pub', 'ev', 'x'.repeat(10_241)), { name: 'PusherBadStatus', text: /10240/ });
    await assert.rejects(backend.trigger('pub', 'pusher:x', 1), { name: 'PusherBadRequest' });
    await assert.rejects(backend.channel('pub', ['user_count']), { name: 'PusherBadRequest', text: /unless the channel is a presence channel/ });
    await assert.rejects(backend.channel('pub', ['bogus']), { name: 'PusherBadRequest' });
    await assert.rejects(backend.channels({ attributes: ['user_count'] }), { name: 'PusherBadRequest' });
    await assert.rejects(backend.users('pub'), { name: 'PusherBadRequest' });
    const other = stage.strangers[0];
    const cases = [
      [{ ...scene.app, secret: 'wrong' }, 'PusherBadAuth', /Invalid signature/],
      [{ ...scene.app, key: 'unknown' }, 'PusherBadAuth', /Unknown auth_key/],
      [{ ...scene.app, id: '99999' }, 'PusherBadAuth', /not of this app/],
      [{ ...scene.app, id: other.id }, 'PusherBadAuth', /not of this app/],
      [{ id: other.id, key: other.key, secret: scene.app.secret }, 'PusherBadAuth', /Invalid signature/],
      [stage.strangers[1], 'PusherForbidden', /disabled/],
    ];
    for (const [app, name, text] of cases) await assert.rejects(scene.backend(PY3, { app }).trigger('pub', 'ev', 1), { name, text }, JSON.stringify(app));
    await client.isQuiet();
  });

  stage.one('U37 U38 NODE', 'is refused what is signed wrongly, and told why', async (scene) => {
    const cases = [
      [{ app: { ...scene.app, secret: 'wrong' } }, 401, /Invalid signature/],
      [{ app: { ...scene.app, key: 'unknown' } }, 401, /Unknown auth_key/],
      [{ app: { ...scene.app, id: '99999' } }, 401, /not of this app/],
      [{ app: { ...scene.app, id: stage.strangers[0].id } }, 401, /not of this app/],
      [{ app: stage.strangers[1] }, 403, /disabled/],
    ];
    for (const [options, status, text] of cases) {
      await assert.rejects(scene.backend(NODE, options).trigger('pub', 'ev', 1), { status, text });
      await assert.rejects(scene.backend(NODE, options).channels(), { status, text });
    }
    const now = Date.now;
    /** The library signs before it has to wait for anything. */
    const at = (seconds, does) => {
      try {
        Date.now = () => now() + seconds * 1_000;
        return does(scene.backend(NODE));
      } finally {
        Date.now = now;
      }
    };
    const calls = [(backend) => backend.trigger('pub', 'ev', 1), (backend) => backend.batch([{ channel: 'pub', name: 'ev', data: 1 }]), (backend) => backend.channels()];
    for (const does of calls) {
      for (const seconds of [-590, 590]) await at(seconds, does);
      for (const seconds of [-700, 700]) await assert.rejects(at(seconds, does), { status: 401, text: /Timestamp expired/ }, `${does} ${seconds}`);
    }
    // What the library would not do: another body than it has signed.
    const backend = scene.backend(NODE);
    const query = backend.library.createSignedQueryString({ method: 'POST', path: `${backend.path}/events`, body: '{"name":"ev","channel":"pub","data":"1"}' });
    const changed = await fetch(`${backend.origin}${backend.path}/events?${query}`, { method: 'POST', body: '{"name":"ev","channel":"pub","data":"2"}' });
    assert.equal(changed.status, 401);
    assert.match(await changed.text(), /Invalid body_md5/);
  });

  stage.each('U20 JS', [NODE, PY3], 'gets events whose names have any letters', async (scene, kind) => {
    const client = await scene.subscribed(JS, ODD);
    for (const name of ['App\\Events\\OrderShipped', 'a b', 'a.b:c', 'ü', '"', 'n'.repeat(200), 'client-x', 'Illuminate\\Notifications\\Events\\BroadcastNotificationCreated']) {
      await scene.backend(kind).trigger([ODD], name, { name });
      assert.deepEqual(await client.next(name), { channel: ODD, data: { name } });
    }
  });

  stage.one('U21 NODE', 'may write an event in other ways', async (scene) => {
    const backend = scene.backend(NODE);
    const client = await scene.subscribed(RAW, 'pub');
    assert.deepEqual(await backend.post('/events', { name: 'ev', channel: 'pub', data: { b: [1, 2], a: null } }), {});
    assert.equal((await client.next('ev')).data, '{"b":[1,2],"a":null}');
    assert.deepEqual(await backend.send('POST', '/events', { params: { name: 'ev', 'channels[]': 'pub', data: 'as query' } }), { status: 200, text: '{}' });
    assert.equal((await client.next('ev')).data, 'as query');
  });

  stage.one('U22 NODE', 'may use the ways of before 2012', async (scene) => {
    const backend = scene.backend(NODE);
    const client = await scene.subscribed(RAW, 'pub');
    assert.equal((await backend.send('POST', '/channels/pub/events', { params: { name: 'ev' }, body: '{"any": text' })).status, 202);
    assert.equal((await client.next('ev')).data, '{"any": text');
    assert.deepEqual(JSON.parse((await backend.send('GET', '/channels/pub/stats')).text), { occupied: true, connection_count: 1 });
  });

  stage.each('U33', [PY3, NODE], 'asks about channels', async (scene, kind) => {
    const backend = scene.backend(kind);
    await scene.subscribed(JS, ODD);
    for (const id of ['1', '1', '2']) await scene.member(JS, `presence-${ODD}`, id);
    assert.deepEqual(await backend.channels(), { channels: { [ODD]: {}, [`presence-${ODD}`]: {} } });
    assert.deepEqual(await backend.channels({ prefix: 'presence-', attributes: ['user_count'] }), { channels: { [`presence-${ODD}`]: { user_count: 2 } } });
    assert.deepEqual(await backend.channel(ODD), { occupied: true });
    assert.deepEqual(await backend.channel(ODD, ['subscription_count']), { occupied: true, subscription_count: 1 });
    assert.deepEqual(await backend.channel(`presence-${ODD}`, ['user_count', 'subscription_count']), { occupied: true, user_count: 2, subscription_count: 3 });
    assert.deepEqual(await backend.users(`presence-${ODD}`), { users: [{ id: '1' }, { id: '2' }] });
    assert.deepEqual(await backend.users('presence-none'), { users: [] });
  });

  stage.one('U80 JS NODE', 'meets nobody of another app whose channels and users have the same names', async (scene) => {
    const other = stage.strangers[0];
    const here = await scene.member(JS, 'presence-room', 'a');
    const there = await scene.member(JS, 'presence-room', 'a', 'elsewhere', { app: other });
    assert.equal(there.members('presence-room').count, 1);
    await scene.backend(NODE, { app: other }).trigger('presence-room', 'ev', 1, { socketId: here.socketId });
    await there.next('ev');
    await scene.backend(NODE).trigger('presence-room', 'ev', 2, { socketId: there.socketId });
    await here.next('ev', { data: 2 });
    there.unsubscribe('presence-room');
    await there.fence();
    for (const one of [here, there]) await one.isQuiet();
  });

  // Another app of the hub, and one that is disabled.
  stage.strangers = [stage.app(), stage.app({ pusher: { enabled: false } })];
});
