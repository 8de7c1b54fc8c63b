// A topic of the client: the roster, gaps and resumes, and what is tracked.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { entry, FakeHub, ME, party, record, SESSION, settled } from './fake-hub.mjs';

const ANN = party('ann');
const BEN = party('ben');

describe('a topic', () => {
  let fake;
  let topic;
  let told;

  beforeEach(async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.UTC(2030, 0) });
    fake = new FakeHub();
    topic = fake.client.topic('lobby');
    told = record(topic);
    await fake.accept();
  });

  afterEach(() => {
    fake.client.close();
    mock.timers.reset();
  });

  const names = () => told.map(({ name }) => name);
  const reconnect = async (session = 'session-2') => {
    fake.drop();
    mock.timers.tick(30_000);
    await fake.accept({ session });
  };

  describe('its roster', () => {
    it('is one sync, then joins, updates and leaves', async () => {
      await fake.subscribe('lobby', { roster: [entry(ANN)], rev: 7 });
      fake.online('lobby', BEN, 8);
      fake.online('lobby', BEN, 9, { content: { idle: true } });
      fake.online('lobby', BEN, 10, { content: { idle: true }, sessions: 2 });
      fake.leaves('lobby', ANN, 11, { cause: 'closed' });
      assert.deepEqual(names(), ['sync', 'join', 'update', 'update', 'leave']);
      assert.deepEqual(told[0].members.map(({ id }) => id), ['ann']);
      assert.deepEqual([told[2].before.content.idle, told[2].member.content.idle], [undefined, true]);
      assert.equal(told[3].member.sessions, 2);
      assert.equal(told[4].cause, 'closed');
      assert.deepEqual([...topic.members.keys()], ['ben']);
      assert.deepEqual(topic.mark, { epoch: '1000', rev: 11 });
    });

    it('has changed before it is told', async () => {
      await fake.subscribe('lobby');
      fake.online('lobby', ANN, 1);
      fake.leaves('lobby', ANN, 2);
      assert.deepEqual(told.map(({ ids }) => ids), [[], ['ann'], []]);
    });

    it('is silent about what changes nothing', async () => {
      await fake.subscribe('lobby', { roster: [entry(ANN, { a: 1, b: { c: 2 }, sessionId: 'x' })] });
      fake.online('lobby', ANN, 1, { content: { b: { c: 2 }, a: 1, sessionId: 'y', subscribeTime: 'now' } });
      fake.leaves('lobby', BEN, 2);
      assert.deepEqual(names(), ['sync']);
      assert.equal(topic.mark.rev, 2);
    });

    it('takes a removal as a leave, and says by whom', async () => {
      await fake.subscribe('lobby', { roster: [entry(ANN), entry(BEN)] });
      const content = { attendee: { attendeeType: 'userId', attendee: 'ann' } };
      const payload = { category: 'party.removed', topicId: 'lobby', sender: BEN, content, hub: { cause: 'kicked' } };
      fake.send('PRESENCE_EVENT_RESPONSE', payload, { epoch: '1000', rev: 1, prev: 0 });
      const { name, cause, by } = told.at(-1);
      assert.deepEqual([name, cause, by._id], ['leave', 'kicked', 'ben']);
    });

    it('does not count an answer to a question as a change', async () => {
      await fake.subscribe('lobby');
      const payload = { category: 'app.event.presence.party.online', topicId: 'lobby', sender: ANN, content: {}, receivers: [ME] };
      fake.send('PRESENCE_EVENT_RESPONSE', payload);
      assert.deepEqual(names(), ['sync']);
    });

    it('holds any id that people can have', async () => {
      const ids = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', '\u202e', '0'];
      await fake.subscribe('lobby', { roster: [entry(party('__proto__'))] });
      ids.slice(1).forEach((id, n) => fake.online('lobby', party(id), n + 1));
      assert.deepEqual([...topic.members.keys()], ids);
      fake.leaves('lobby', party('__proto__'), ids.length);
      assert.equal(topic.members.has('__proto__'), false);
      assert.equal({}.polluted, undefined);
    });

    it('leaves out members that are none', async () => {
      await fake.subscribe('lobby', { roster: [null, {}, { user: {} }, { user: { _id: 5 } }, entry(ANN)] });
      fake.online('lobby', {}, 1);
      assert.deepEqual([...topic.members.keys()], ['ann']);
    });

    it('goes on when a listener throws', async (context) => {
      const thrown = [];
      const catchIt = (error) => thrown.push(error.message);
      context.mock.method(globalThis, 'queueMicrotask', (act) => {
        try {
          act();
        } catch (error) {
          catchIt(error);
        }
      });
      topic.on('join', () => {
        throw new Error('in a listener');
      });
      const later = [];
      topic.on('join', ({ member }) => later.push(member.id));
      await fake.subscribe('lobby');
      fake.online('lobby', ANN, 1);
      assert.deepEqual([later, thrown], [['ann'], ['in a listener']]);
    });
  });

  describe('a gap', () => {
    it('is repaired by a replay', async () => {
      await fake.subscribe('lobby', { roster: [entry(ANN)], rev: 5 });
      fake.online('lobby', BEN, 8, { prev: 7 });
      assert.deepEqual(names(), ['sync'], 'nothing out of order is told');
      const asked = await fake.subscribe('lobby', { resumed: true, rev: 8 });
      assert.deepEqual(asked.hub.since, { epoch: '1000', rev: 5 });
      fake.leaves('lobby', ANN, 7, { prev: 5 });
      fake.online('lobby', BEN, 8);
      assert.deepEqual(names(), ['sync', 'sync', 'leave', 'join']);
    });

    it('in a replay is repaired by a new list', async () => {
      await fake.subscribe('lobby', { rev: 5 });
      fake.online('lobby', BEN, 8, { prev: 7 });
      await fake.subscribe('lobby', { resumed: true, rev: 8 });
      fake.online('lobby', BEN, 8, { prev: 6 });
      mock.timers.tick(1_000);
      const asked = await fake.subscribe('lobby', { roster: [entry(BEN)], rev: 8 });
      assert.equal(asked.hub, undefined, 'no replay this time');
      assert.deepEqual(names(), ['sync', 'sync', 'sync'], 'and nobody is announced');
      assert.deepEqual([...topic.members.keys()], ['ben']);
    });

    it('is another epoch', async () => {
      await fake.subscribe('lobby', { rev: 5 });
      fake.online('lobby', BEN, 6, { epoch: '2000' });
      await fake.subscribe('lobby', { roster: [entry(BEN)], rev: 6, epoch: '2000' });
      fake.leaves('lobby', BEN, 7);
      assert.deepEqual(topic.mark, { epoch: '2000', rev: 6 });
      fake.online('lobby', ANN, 7, { epoch: '2000' });
      assert.equal(names().filter((name) => name === 'join').length, 0, 'the old epoch was a gap again');
    });

    it('is none where an epoch begins before which there was nothing', async () => {
      await fake.subscribe('lobby', { rev: 0, epoch: '0' });
      fake.online('lobby', ANN, 1, { epoch: '2000' });
      assert.deepEqual(names(), ['sync', 'join']);
      assert.deepEqual(topic.mark, { epoch: '2000', rev: 1 });
    });

    it('is none where a frame repeats its rev', async () => {
      await fake.subscribe('lobby', { rev: 5 });
      fake.online('lobby', ANN, 6);
      fake.online('lobby', BEN, 6, { prev: 6 });
      assert.deepEqual(names(), ['sync', 'join', 'join']);
    });

    it('of messages is one as well', async () => {
      await fake.subscribe('lobby', { rev: 5 });
      fake.send('MESSAGE_SENT', { topicId: 'lobby', category: 'chat', sender: ANN, content: { bodyText: 'hi' } }, { epoch: '1000', rev: 9, prev: 8 });
      assert.deepEqual(names(), ['sync']);
      await fake.take('SUBSCRIBE_CHANNEL');
    });
  });

  describe('after a reconnect', () => {
    it('resumes, and hears what it missed', async () => {
      await fake.subscribe('lobby', { roster: [entry(ANN)], rev: 5 });
      await reconnect();
      const asked = await fake.subscribe('lobby', { resumed: true, rev: 6 });
      assert.deepEqual(asked.hub.since, { epoch: '1000', rev: 5 });
      fake.leaves('lobby', ANN, 6);
      assert.deepEqual(names(), ['sync', 'sync', 'leave']);
    });

    it('takes the hub’s word for where the replay ended', async () => {
      await fake.subscribe('lobby', { rev: 5 });
      await reconnect();
      await fake.subscribe('lobby', { resumed: true, rev: 7 });
      fake.online('lobby', ANN, 8, { prev: 7 });
      assert.deepEqual(names(), ['sync', 'sync', 'join']);
    });

    it('replaces the list without announcing anybody', async () => {
      await fake.subscribe('lobby', { roster: [entry(ANN)], rev: 5 });
      await reconnect();
      await fake.subscribe('lobby', { roster: [entry(BEN)], rev: 900 });
      assert.deepEqual(names(), ['sync', 'sync']);
      assert.deepEqual([...topic.members.keys()], ['ben']);
    });

    it('is present again, with what it last said', async () => {
      await fake.subscribe('lobby');
      const tracked = topic.track({ mood: 'fine' });
      await fake.take('SEND_PRESENCE_EVENT');
      await tracked;
      await reconnect();
      await fake.subscribe('lobby', { resumed: true, rev: 0 });
      mock.timers.tick(100);
      assert.equal((await fake.take('SEND_PRESENCE_EVENT')).content.mood, 'fine');
    });

    it('does not undo what another tab said meanwhile', async () => {
      await fake.subscribe('lobby');
      topic.track({ mood: 'fine' });
      await fake.take('SEND_PRESENCE_EVENT');
      await reconnect();
      await fake.subscribe('lobby', { resumed: true, rev: 0 });
      fake.online('lobby', ME, 1, { content: { mood: 'better', sessionId: 'another tab' } });
      mock.timers.tick(100);
      assert.equal((await fake.take('SEND_PRESENCE_EVENT')).content.mood, 'better');
    });
  });

  describe('tracking', () => {
    it('waits for the list, and resolves with the ACK', async () => {
      let isDone = false;
      const tracked = topic.track({ mediaSession: { audio: true } }).then(() => (isDone = true));
      await fake.subscribe('lobby');
      assert.equal(isDone, false);
      const payload = await fake.take('SEND_PRESENCE_EVENT');
      assert.deepEqual(payload.content.mediaSession, { audio: true });
      await tracked;
    });

    it('survives a loss before the ACK', async () => {
      await fake.subscribe('lobby');
      const tracked = topic.track({ n: 1 });
      await fake.take('SEND_PRESENCE_EVENT', { ack: false });
      await reconnect();
      await fake.subscribe('lobby');
      await fake.take('SEND_PRESENCE_EVENT');
      await tracked;
    });

    it('merges, also within the media session, and says nothing twice', async () => {
      await fake.subscribe('lobby');
      topic.track({ mediaSession: { audio: true, video: false } });
      await fake.take('SEND_PRESENCE_EVENT');
      topic.set({ mediaSession: { video: true } });
      const { content } = await fake.take('SEND_PRESENCE_EVENT');
      assert.deepEqual(content.mediaSession, { audio: true, video: true });
      await topic.set({ idle: false, mediaSession: { audio: true } });
      await assert.rejects(fake.take('SEND_PRESENCE_EVENT'), /no SEND_PRESENCE_EVENT/);
    });

    it('sends one frame at a time, and of a burst only the last', async () => {
      await fake.subscribe('lobby');
      const all = [1, 2, 3, 4].map((n) => topic.track({ n }));
      assert.equal((await fake.take('SEND_PRESENCE_EVENT')).content.n, 1);
      assert.equal((await fake.take('SEND_PRESENCE_EVENT')).content.n, 4);
      await Promise.all(all);
      await assert.rejects(fake.take('SEND_PRESENCE_EVENT'), /no SEND_PRESENCE_EVENT/);
    });

    it('slows down when told so', async () => {
      await fake.subscribe('lobby');
      const tracked = topic.track({ n: 1 });
      await settled();
      fake.ack(fake.socket.sent.find(({ event }) => event === 'SEND_PRESENCE_EVENT').id, { code: 'too.fast', message: '' });
      await fake.take('SEND_PRESENCE_EVENT', { ack: false });
      await settled();
      mock.timers.tick(1_000);
      await fake.take('SEND_PRESENCE_EVENT');
      await tracked;
    });

    it('fails with what the hub says', async () => {
      await fake.subscribe('lobby');
      const tracked = topic.track({ n: 1 });
      await settled();
      fake.ack(fake.socket.sent.at(-1).id, { code: 'invalid.parameters', message: 'no' });
      await assert.rejects(tracked, { code: 'invalid.parameters' });
    });

    it('follows the other tabs of the party', async () => {
      await fake.subscribe('lobby');
      topic.track({ mood: 'fine', idle: true });
      await fake.take('SEND_PRESENCE_EVENT');
      fake.online('lobby', ME, 1, { content: { mood: 'odd', sessionId: 'another tab' } });
      assert.deepEqual(topic.tracked, { mood: 'odd' });
      fake.online('lobby', ME, 2, { content: { mood: 'stale echo', sessionId: SESSION } });
      assert.deepEqual(topic.tracked, { mood: 'odd' });
    });

    it('ends with leave, and the watching goes on', async () => {
      await fake.subscribe('lobby');
      topic.track({});
      await fake.take('SEND_PRESENCE_EVENT');
      const left = topic.leave();
      assert.match((await fake.take('SEND_PRESENCE_EVENT')).category, /party\.leaves$/);
      await left;
      assert.equal(topic.tracked, null);
      await assert.rejects(topic.set({ idle: true }), { code: 'not.present' });
      await reconnect();
      await fake.subscribe('lobby', { resumed: true, rev: 0 });
      mock.timers.tick(100);
      await assert.rejects(fake.take('SEND_PRESENCE_EVENT'), /no SEND_PRESENCE_EVENT/);
    });

    it('ends when somebody removes us, until we ask to come back', async () => {
      await fake.subscribe('lobby');
      topic.track({});
      await fake.take('SEND_PRESENCE_EVENT');
      fake.send('CHANNEL_UNSUBSCRIBED', { channel: { _id: 'lobby', type: 'topic' } });
      assert.deepEqual(names(), ['sync', 'removed']);
      await reconnect();
      await assert.rejects(fake.take('SUBSCRIBE_CHANNEL'), /no SUBSCRIBE_CHANNEL/);
      topic.rejoin();
      assert.equal((await fake.subscribe('lobby')).hub, undefined);
      assert.equal(topic.state, 'live');
    });

    it('keeps a key called __proto__ as a key', async () => {
      await fake.subscribe('lobby');
      topic.track(JSON.parse('{"__proto__":{"polluted":true},"a":1}'));
      await fake.take('SEND_PRESENCE_EVENT');
      topic.set(JSON.parse('{"mediaSession":{"__proto__":{"polluted":true}}}'));
      await fake.take('SEND_PRESENCE_EVENT');
      assert.equal(topic.tracked.polluted, undefined);
      assert.equal({}.polluted, undefined);
    });
  });

  describe('talking', () => {
    it('hears messages and typing', async () => {
      await fake.subscribe('lobby');
      const payload = { _id: 'm1', topicId: 'lobby', category: 'chat', sender: ANN, content: { bodyText: 'hi' }, created: 'now' };
      fake.send('MESSAGE_SENT', payload, { epoch: '1000', rev: 1, prev: 0 });
      fake.send('PRESENCE_EVENT_RESPONSE', { category: 'party.typing', topicId: 'lobby', sender: BEN, content: {} });
      const [, message, typing] = told;
      assert.deepEqual([message.text, message.sender._id, message.mine], ['hi', 'ann', false]);
      assert.equal(typing.party._id, 'ben');
    });

    it('resolves with the ACK, and fails rather than sending twice', async () => {
      await fake.subscribe('lobby');
      const said = topic.say('hello');
      assert.equal((await fake.take('SEND_MESSAGE')).content.bodyText, 'hello');
      await said;
      const lost = topic.say('again');
      fake.drop();
      await assert.rejects(lost, { code: 'connection.lost' });
    });

    it('tells of typing at most every two seconds', async () => {
      await fake.subscribe('lobby');
      const count = () => fake.socket.sent.filter(({ payload }) => payload.category === 'party.typing').length;
      for (let n = 0; n < 5; n += 1) topic.typing();
      assert.equal(count(), 1);
      mock.timers.tick(2_000);
      topic.typing();
      assert.equal(count(), 2);
    });
  });

  it('that was refused says so, and can be asked for again', async () => {
    await settled();
    fake.ack(fake.socket.sent.at(-1).id, { code: 'not.authorized', message: 'not for you' });
    await settled();
    assert.deepEqual([topic.state, told.at(-1).code], ['refused', 'not.authorized']);
    topic.rejoin();
    await fake.take('SUBSCRIBE_CHANNEL', { ack: false });
  });

  it('that is unwatched is forgotten, and its name is free again', async () => {
    await fake.subscribe('lobby');
    const done = topic.unwatch();
    await fake.take('UNSUBSCRIBE_CHANNEL');
    await done;
    const again = fake.client.topic('lobby');
    assert.notEqual(again, topic);
    fake.send('CHANNEL_UNSUBSCRIBED', { channel: { _id: 'lobby', type: 'topic' } });
    await fake.subscribe('lobby');
    assert.equal(again.state, 'live');
  });
});
