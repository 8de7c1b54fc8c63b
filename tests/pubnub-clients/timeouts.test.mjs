// Who is lost: timeouts, what refreshes and what does not (P13-P18).

import assert from 'node:assert/strict';
import { JS, PY, RAW, SDKS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'room-a';

/** How many seconds lie between two timetokens. */
const between = (earlier, later) => Number(BigInt(later) - BigInt(earlier)) / 1e7;

/** How much later than it is due the hub may notice it, in seconds by its own clock. */
const SLACK = 2;

suite('timeouts', (stage) => {
  stage.each('P13', SDKS.filter(({ name }) => name !== 'Rs'), 'is killed, and times out as long after its last heartbeat as it said', async (scene, kind) => {
    const watcher = await scene.watcher();
    const [timeout, interval] = kind === JS ? [20, 3] : [8, 3];
    const ana = await scene.inside(kind, 'ana', ROOM, { timeout, interval, alone: true });
    await ana.call('setState', { channels: [ROOM], state: { mood: 'ok' } });
    await watcher.sees('state-change', 'ana');
    const { tt } = await watcher.sees('join', 'ana');
    const beats = () => ana.tap.to('v2/presence/sub.key/[^/]+/channel/room-a/heartbeat');
    await ana.tap.until(() => beats().some(({ at, answer }) => answer === 200 && at >= beats()[0].at + 2_000), 'an answer to a later heartbeat');
    ana.signal('SIGKILL');
    const killed = await scene.now();
    const over = await watcher.sees('timeout', 'ana', { occupancy: 0 }, (timeout + 10) * 1_000);
    const last = beats().at(-1);
    // The hub took it after it was said, and before the hub was asked for the time.
    const seconds = over.tt / 1e7 - last.at / 1e3;
    assert.ok(seconds >= timeout - 0.05, `${seconds} s after the last heartbeat`);
    assert.ok(between(killed, over.tt) <= timeout + SLACK, `${between(killed, over.tt)} s after the end`);
    assert.ok(between(tt, over.tt) >= timeout + 1, 'the first heartbeat is not the one that counts');
    assert.deepEqual(await scene.users(), []);
    const { body } = await scene.raw.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}/uuid/ana`);
    assert.deepEqual(body.payload, {});
  });

  stage.one('P14 raw', 'times out in an open poll, which is no sign of life', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.client(RAW, 'ana', { query: { heartbeat: 5 } });
    const tt = await ana.handshake(ROOM);
    const held = await ana.hold(ROOM, { tt });
    const { tt: joined } = await watcher.sees('join', 'ana');
    const { tt: gone } = await watcher.sees('timeout', 'ana', { occupancy: 0 });
    const seconds = between(joined, gone);
    assert.ok(seconds >= 4.9 && seconds <= 5 + SLACK, `${seconds} s`);
    await scene.publish(ROOM, 'over');
    await held.answer;
  });

  stage.one('P15 raw', 'beats, and neither times out nor joins again', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.client(RAW, 'ana');
    // Others who come and are lost are the clock: each is here for four seconds, and ana, who asks for five, beats when one goes.
    for (let n = 0; n < 3; n += 1) {
      await ana.beat([ROOM], { heartbeat: 5 });
      await scene.present(`clock-${n}`, [ROOM], { heartbeat: 4 });
      await watcher.sees('timeout', `clock-${n}`);
    }
    await ana.beat([ROOM], { heartbeat: 5 });
    await scene.settlePresence(ROOM, watcher);
    assert.deepEqual(watcher.seen.filter((one) => one.includes('ana')), ['join ana 1']);
    assert.deepEqual(await scene.users(), ['ana']);
  });

  stage.one('P15 raw', 'polls and says nothing else, and neither times out nor joins again', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.client(RAW, 'ana', { query: { heartbeat: 4 } });
    let tt = await ana.handshake(ROOM);
    await watcher.sees('join', 'ana');
    await scene.present('clock', [ROOM], { heartbeat: 9 });
    const isOver = watcher.sees('timeout', 'clock').then(() => true);
    while (!(await Promise.race([isOver, ana.poll(ROOM, { tt }).then(({ body }) => void (tt = body.t.t))])));
    assert.deepEqual(watcher.seen.filter((one) => one.includes('ana')), ['join ana 1']);
  }, { hold: '1s' });

  stage.one('P14 raw', 'is heard of when it begins to poll', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.client(RAW, 'ana', { query: { heartbeat: 6 } });
    const tt = await ana.handshake(ROOM);
    await scene.present('clock', [ROOM], { heartbeat: 3 });
    await watcher.sees('timeout', 'clock');
    const begun = await scene.now();
    await ana.hold(ROOM, { tt });
    const { tt: gone } = await watcher.sees('timeout', 'ana');
    assert.ok(between(begun, gone) >= 5.9, `${between(begun, gone)} s`);
  });

  stage.one('P14 raw', 'is heard of again when its poll is answered', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.client(RAW, 'ana', { query: { heartbeat: 4 } });
    const tt = await ana.handshake(ROOM);
    const begun = await scene.now();
    await ana.poll(ROOM, { tt });
    const answered = await scene.now();
    const { tt: gone } = await watcher.sees('timeout', 'ana');
    assert.ok(between(begun, gone) >= 6.9, `${between(begun, gone)} s after the poll began`);
    assert.ok(between(answered, gone) <= 4 + SLACK, `${between(answered, gone)} s after its answer`);
  }, { hold: '3s' });

  stage.each('P16', [PY, JS], 'is killed and started again within its time, and nobody sees it, nor when the time of the first is over', async (scene, kind) => {
    const watcher = await scene.watcher();
    const timeout = kind === JS ? 20 : 5;
    const options = { timeout, interval: 2, alone: true };
    const before = await scene.inside(kind, 'ana', ROOM, options);
    await before.polls();
    before.signal('SIGKILL');
    const after = await scene.client(kind, 'ana', options);
    await after.subscribe({ channels: [ROOM], presence: true });
    await scene.settle(ROOM, after);
    await scene.settlePresence(ROOM, watcher);
    assert.deepEqual(watcher.seen, ['join ana 1']);
    after.hasNothing('of a join');
    // Whoever was last heard of later, and is here for longer, is lost after the first would have been.
    await scene.present('clock', [ROOM], { heartbeat: timeout + 1 });
    await watcher.sees('timeout', 'clock', {}, (timeout + 10) * 1_000);
    assert.deepEqual(watcher.seen.filter((one) => one.includes('ana')), ['join ana 1']);
  });

  for (const [what, query] of [['no heartbeat', {}], ['an empty heartbeat', { heartbeat: '' }]]) {
    stage.one('P17 raw', `says ${what}, and times out when the hub says`, async (scene) => {
      const watcher = await scene.watcher();
      const ana = await scene.client(RAW, 'ana', { query });
      await ana.handshake(ROOM);
      await scene.present('longer', [ROOM], { heartbeat: 6 });
      await watcher.sees('timeout', 'ana', { occupancy: 1 });
      await watcher.sees('timeout', 'longer', { occupancy: 0 });
      assert.deepEqual(watcher.seen.map((one) => one.split(' ').slice(0, 2).join(' ')), ['join ana', 'join longer', 'timeout ana', 'timeout longer']);
    }, { timeout: '4s' });
  }

  if (process.env.PUBNUB_LONG) {
    stage.one('P17 raw', 'is here for 300 s where nobody says anything, and its poll is held for 280 s', async (scene) => {
      const watcher = await scene.watcher();
      const ana = await scene.client(RAW, 'ana');
      const tt = await ana.handshake('room-b');
      await ana.handshake(ROOM);
      const [{ tt: joined }, held] = await Promise.all([watcher.sees('join', 'ana'), ana.poll('room-b', { tt }, { patience: 300_000 })]);
      assert.deepEqual([held.body, held.ms >= 279_900], [{ t: { t: tt, r: 1 }, m: [] }, true]);
      const { tt: gone } = await watcher.sees('timeout', 'ana', {}, 60_000);
      assert.ok(between(joined, gone) >= 299.9);
    });
  }

  stage.one('P18 raw', 'asks for less than the floor and is taken for gone after it', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.client(RAW, 'ana');
    const { status } = await ana.beat([ROOM], { heartbeat: 1 });
    assert.equal(status, 200);
    const { tt: joined } = await watcher.sees('join', 'ana');
    const { tt: gone } = await watcher.sees('timeout', 'ana');
    const seconds = between(joined, gone);
    assert.ok(seconds >= 2.9 && seconds <= 3 + SLACK, `${seconds} s`);
  });

  stage.one('P18 Js', 'says 20 s where it was told 5', async (scene) => {
    const ana = await scene.inside(JS, 'ana', ROOM, { timeout: 5 });
    const said = [...ana.tap.queries('v2/subscribe'), ...ana.tap.queries('v2/presence')].map(({ heartbeat }) => heartbeat);
    assert.deepEqual([...new Set(said)], ['20']);
  });
}, { abreast: 12 });
