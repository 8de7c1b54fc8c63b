// The connection of the client: tokens, backoff, close codes, silence and acknowledgements.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { retryDelay } from '../../../web-demo/presence-retry.js';
import { FakeHub, ME, settled } from './fake-hub.mjs';

describe('retryDelay', () => {
  const half = () => 0.5;

  for (const code of [1000, 1002, 1003, 1007, 1009, 4410]) {
    it(`never comes back unasked after ${code}`, () => assert.equal(retryDelay({ code, attempt: 0 }), null));
  }

  it('comes back at once after 1001, and then backs off', () => {
    assert.equal(retryDelay({ code: 1001, attempt: 0, random: half }), 0);
    assert.equal(retryDelay({ code: 1001, attempt: 2, random: half }), 1_000);
  });

  it('waits half a minute after 1008', () => assert.equal(retryDelay({ code: 1008, attempt: 0, random: half }), 30_000));

  for (const code of [1012, 4429]) {
    it(`does as the reason of ${code} says`, () => {
      assert.equal(retryDelay({ code, reason: 'restarting, retry after 4321', attempt: 3, random: half }), 4_321);
      assert.equal(retryDelay({ code, reason: 'retry after 250 ms', attempt: 0, random: half }), 250);
      assert.equal(retryDelay({ code, reason: 'busy', attempt: 1, random: half }), 500);
    });
  }

  it('does not sleep for days on a strange advice', () => {
    assert.equal(retryDelay({ code: 1012, reason: 'retry after 999999999', attempt: 0 }), 600_000);
  });

  it('needs a token that can be renewed after 4401 and 4408', () => {
    for (const code of [4401, 4408]) {
      assert.equal(retryDelay({ code, attempt: 0, renewable: true, random: half }), 0);
      assert.equal(retryDelay({ code, attempt: 1, renewable: true, random: half }), 500);
      assert.equal(retryDelay({ code, attempt: 0, renewable: false }), null);
    }
  });

  it('spreads over the whole of a ceiling that doubles up to half a minute', () => {
    for (const code of [1006, 1011, 4008, 4999]) {
      assert.equal(retryDelay({ code, attempt: 0, random: () => 0 }), 0);
      assert.equal(retryDelay({ code, attempt: 3, random: half }), 2_000);
      assert.equal(retryDelay({ code, attempt: 999, random: half }), 15_000);
    }
  });
});

describe('a connection', () => {
  let fake;
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.UTC(2030, 0) }));
  afterEach(() => {
    fake?.client.close();
    fake = undefined;
    mock.timers.reset();
  });

  it('sends the token as the first frame and never in the address', async () => {
    fake = new FakeHub({ token: async () => 'secret' });
    await settled();
    assert.equal(fake.socket.url, 'ws://test/ws');
    fake.socket.open();
    assert.deepEqual(fake.socket.sent, [{ event: 'AUTHENTICATE', payload: { token: 'secret', tokenType: 'jwt' } }]);
    assert.deepEqual(fake.states, ['connecting']);
    await fake.accept();
    assert.deepEqual(fake.states, ['connecting', 'online']);
    assert.equal(fake.client.me._id, ME._id);
  });

  it('tries again after a loss, later each time, until it lasts', async () => {
    fake = new FakeHub();
    await settled();
    for (const delay of [250, 500, 1_000]) {
      const before = fake.sockets.length;
      fake.drop();
      mock.timers.tick(delay - 1);
      await settled();
      assert.equal(fake.sockets.length, before, `not before ${delay} ms`);
      mock.timers.tick(1);
      await settled();
      assert.equal(fake.sockets.length, before + 1, `after ${delay} ms`);
    }
    await fake.accept();
    mock.timers.tick(5_000);
    let retryAt;
    fake.client.on('state', (detail) => (retryAt = detail.retryAt));
    fake.drop();
    assert.equal(retryAt - Date.now(), 250, 'the backoff starts anew after a stable connection');
  });

  it('stays away when told so, and comes back when asked', async () => {
    fake = new FakeHub();
    await fake.accept();
    fake.drop(4410, 'ended by an administrator');
    mock.timers.tick(600_000);
    await settled();
    assert.equal(fake.sockets.length, 1);
    assert.equal(fake.client.state, 'offline');
    fake.client.connect();
    await fake.accept();
    assert.equal(fake.client.state, 'online');
  });

  it('fetches a fresh token when the old one was refused', async () => {
    const asked = [];
    fake = new FakeHub({ token: ({ why }) => asked.push(why) && `token ${asked.length}` });
    await settled();
    fake.socket.open();
    fake.send('AUTHENTICATE_FAILED', { error: { code: 'not.authenticated', message: 'no' } });
    fake.drop(4401, 'not authenticated');
    mock.timers.tick(0);
    await settled();
    fake.socket.open();
    assert.equal(fake.socket.sent[0].payload.token, 'token 2');
    assert.deepEqual(asked, ['start', 'refused']);
  });

  it('does not repeat a token that cannot change', async () => {
    fake = new FakeHub({ token: 'fixed' });
    await settled();
    fake.socket.open();
    fake.drop(4401);
    mock.timers.tick(600_000);
    await settled();
    assert.equal(fake.sockets.length, 1);
  });

  it('keeps trying when no token can be had', async () => {
    let isDown = true;
    fake = new FakeHub({ token: () => (isDown ? Promise.reject(new Error('down')) : 'token') });
    await settled();
    assert.equal(fake.client.state, 'offline');
    isDown = false;
    mock.timers.tick(250);
    await fake.accept();
    assert.equal(fake.client.state, 'online');
  });

  it('prolongs an expiring token without losing its session', async () => {
    fake = new FakeHub({ token: ({ why }) => `for ${why}` });
    await fake.accept();
    fake.socket.sent.length = 0;
    fake.send('TOKEN_EXPIRING', { expires: '2030-01-01T00:00:00Z' });
    assert.deepEqual((await fake.take('AUTHENTICATE')).token, 'for expiring');
    fake.send('AUTHENTICATED', { sessionId: 'session-1', user: ME, expires: null });
    assert.deepEqual(fake.states, ['connecting', 'online']);
  });

  it('gives up an attempt that is never answered', async () => {
    fake = new FakeHub();
    await settled();
    fake.socket.open();
    mock.timers.tick(10_000);
    assert.equal(fake.client.state, 'offline');
  });

  it('asks when nothing is heard, is stale without an answer, and leaves in the end', async () => {
    fake = new FakeHub();
    await fake.accept();
    fake.socket.sent.length = 0;
    mock.timers.tick(10_000);
    assert.equal(fake.socket.sent.length, 1, 'one question');
    fake.send('CHANNEL_UNSUBSCRIBED', { channel: fake.socket.sent[0].payload.channel });
    mock.timers.tick(9_999);
    assert.equal(fake.client.state, 'online');
    mock.timers.tick(1);
    mock.timers.tick(4_000);
    assert.equal(fake.client.state, 'stale');
    fake.send('ERROR', { error: { code: 'too.fast', message: 'slowly' } });
    assert.equal(fake.client.state, 'online', 'any frame is a sign of life');
    for (const patience of [10_000, 4_000, 10_000]) mock.timers.tick(patience);
    assert.equal(fake.client.state, 'offline');
  });

  it('settles requests by their ACK, and rejects the open ones when the connection is lost', async () => {
    fake = new FakeHub();
    await fake.accept();
    fake.socket.sent.length = 0;
    const fine = fake.client.request('A', {});
    const refused = fake.client.request('B', {});
    const lost = fake.client.request('C', {});
    const [a, b] = fake.socket.sent;
    fake.ack(b.id, { code: 'too.fast', message: 'slowly' });
    fake.ack(a.id);
    fake.ack(4_711);
    await fine;
    await assert.rejects(refused, { code: 'too.fast', message: 'slowly' });
    fake.drop();
    await assert.rejects(lost, { code: 'connection.lost' });
    await assert.rejects(fake.client.request('D', {}), { code: 'offline' });
  });

  it('survives frames that are none', async () => {
    fake = new FakeHub();
    await fake.accept();
    for (const data of ['', 'null', '[]', '{"event":1}', '{"event":"ACK"}', '{"event":"ACK","payload":null}', new ArrayBuffer(4)]) {
      fake.socket.receive(data);
    }
    fake.send('CHANNEL_SUBSCRIBED', {});
    fake.send('PRESENCE_EVENT_RESPONSE', { topicId: '__proto__', category: 7 });
    assert.equal(fake.client.state, 'online');
  });

  it('closes for good, whatever was under way', async () => {
    fake = new FakeHub();
    fake.client.close();
    await settled();
    fake.client.close();
    fake.drop();
    mock.timers.tick(600_000);
    await settled();
    assert.equal(fake.client.state, 'offline');
    assert.ok(fake.sockets.length <= 1);
  });
});
