// Webhooks in PubNub's format, as requests of the dialect cause them: to a receiver of the application's.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { PY, RAW, SDKS } from './kit/kinds.mjs';
import { Receiver, isSigned } from './kit/receiver.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'room-a';
const receiver = await Receiver.start();
after(() => receiver.end());

/** A test whose app has a webhook of its own; `play` is given what came to it. */
function told(stage, number, title, play, pubnub, more = {}) {
  const name = encodeURIComponent(number);
  const webhooks = [{ url: receiver.url(name), format: 'pubnub', ...more }];
  stage.one(number, title, (scene) => play(scene, receiver.box(name)), pubnub, { webhooks });
}

/** Everything that came, in order and in few words: `join ana 1`. */
const words = (box) => box.history.map(({ payload: { body } }) => [body.action, body.uuid, body.occupancy].filter((word) => word !== undefined).join(' '));

suite('webhooks', (stage) => {
  for (const kind of SDKS) {
    told(stage, `W19 ${kind.name}`, 'comes, says how it is and leaves, and the application is told', async (scene, box) => {
      const ana = await scene.inside(kind, 'ana');
      await ana.call('setState', { channels: [ROOM], state: { mood: 'ok' } });
      await ana.sees('state-change', 'ana');
      await ana.unsubscribe({ channels: [ROOM] });
      const last = await box.next('inactive');
      assert.deepEqual(words(box), ['active 1', 'join ana 1', 'state-change ana 1', 'leave ana 0', 'inactive 0']);
      const { timestamp, ...more } = box.history[2].payload.body;
      assert.deepEqual(more, { action: 'state-change', sub_key: scene.app.pubnub.subscribe_key, channel: ROOM, uuid: 'ana', occupancy: 1, data: { mood: 'ok' } });
      assert.ok(Number.isSafeInteger(timestamp));
      assert.equal(last.body.status, 'inactive');
      for (const { payload } of box.history) isSigned(payload, scene.app.pubnub.secret_key);
    }, { close_grace: '1s' });
  }

  told(stage, 'W19 raw', 'comes by a heartbeat, with a state, and is lost, and the application is told', async (scene, box) => {
    await scene.present('ana', [ROOM], { heartbeat: 3, state: { [ROOM]: { mood: 'ok' } } });
    await box.next('inactive');
    assert.deepEqual(words(box), ['active 1', 'join ana 1', 'timeout ana 0', 'inactive 0']);
    assert.deepEqual(box.history[1].payload.body.data, { mood: 'ok' });
  });

  told(stage, 'W19 Py raw', 'are told of nothing that was not asked for, nor of those who only look on', async (scene, box) => {
    await scene.watcher();
    const ana = await scene.inside(PY, 'ana');
    const anonymous = await scene.client(RAW, 'anonymous', { anonymous: true });
    await anonymous.handshake(ROOM);
    await ana.unsubscribe({ channels: [ROOM] });
    await box.next('leave');
    await scene.present('ben', [ROOM], { heartbeat: 3 });
    await box.next('timeout');
    assert.deepEqual(words(box), ['leave ana 0', 'timeout ben 0']);
  }, {}, { events: ['leave', 'timeout'] });
}, { settings: { 'egress.allow': '127.0.0.1', 'egress.http': true } });
