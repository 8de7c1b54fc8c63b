// Joining and leaving (P1-P12): what people see of each other, whatever SDK they have.

import assert from 'node:assert/strict';
import { JS, POLITE, PY, PYA, RAW, RS, SDKS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'room-a';
const ROOMS = { channels: [ROOM], presence: true };

suite('joining and leaving', (stage) => {
  stage.each('P1', SDKS, 'sees its own join, once', async (scene, kind) => {
    const ana = await scene.client(kind, 'ana');
    await ana.subscribe(ROOMS);
    await ana.sees('join', 'ana', { channel: ROOM, occupancy: 1 });
    // Whatever the first join was worth to the cursor, a second handshake does not bring it again.
    if (kind !== RS) {
      await ana.subscribe({ channels: ['room-b'], presence: true });
      await ana.sees('join', 'ana', { channel: 'room-b' });
    }
    await scene.settle(ROOM, ana);
    ana.hasNothing('more');
  });

  stage.each('P1', [PY, PYA, JS], 'with heartbeats beside the handshake sees its own join, once', async (scene, kind) => {
    const ana = await scene.inside(kind, 'ana', ROOM, { timeout: 20, interval: 3 });
    await ana.subscribe({ channels: ['room-b'], presence: true });
    await ana.sees('join', 'ana', { channel: 'room-b', occupancy: 1 });
    await scene.settle(ROOM, ana);
    ana.hasNothing('more');
  });

  stage.one('P1 raw', 'beats and shakes hands at the same time, and each time sees its own join, once', async (scene) => {
    for (const isParallel of [true, false]) {
      await Promise.all(Array.from({ length: 30 }, async (_, n) => {
        const room = `room-${isParallel}-${n}`;
        const names = `${room},${room}-pnpres`;
        const ana = await scene.client(RAW, 'ana', { query: { heartbeat: 20 } });
        const beaten = ana.beat([room]);
        if (!isParallel) await beaten;
        const tt = await ana.handshake(names);
        const { body } = await ana.poll(names, { tt });
        assert.deepEqual(body.m.map(({ d }) => [d.action, d.uuid]), [['join', 'ana']], room);
        // A second handshake is worth no second join.
        const again = await ana.handshake(names, { tr: 1 });
        await scene.publish(room, 'end');
        const later = await ana.poll(names, { tt: again });
        assert.deepEqual(later.body.m.map(({ d }) => d), ['end'], room);
      }));
    }
  }, { hold: '2s', polls_per_uuid: 100 });

  stage.each('P2', SDKS, 'sees a second user come and go', async (scene, kind) => {
    const watcher = await scene.inside(kind, 'ana');
    for (const other of POLITE) {
      const name = `ben-${other.name}`;
      const ben = await scene.client(other, name);
      await ben.subscribe(ROOMS);
      await ben.sees('join', name);
      await watcher.sees('join', name, { channel: ROOM, occupancy: 2 });
      await ben.unsubscribe({ channels: [ROOM] });
      await watcher.sees('leave', name, { channel: ROOM, occupancy: 1 });
    }
    await scene.settle(ROOM, watcher);
    watcher.hasNothing();
  });

  stage.one('P3 Py PyA Js Rs', 'see one another in one channel, and agree on who is here and where', async (scene) => {
    const all = [];
    for (const kind of SDKS) all.push(await scene.inside(kind, `u-${kind.name}`));
    for (const [n, one] of all.entries()) {
      for (const later of all.slice(n + 1)) await one.sees('join', later.user, { channel: ROOM });
      assert.equal(one.seen.length, all.length - n, `${one.name} saw ${one.seen}`);
    }
    const users = all.map(({ user }) => user).sort();
    for (const one of all) {
      const { channels, totalChannels, totalOccupancy } = await one.call('hereNow', { channels: [ROOM] });
      assert.deepEqual(channels[ROOM].occupants.map(({ uuid }) => uuid).sort(), users, one.name);
      assert.deepEqual([totalChannels, totalOccupancy], [1, 4]);
      for (const uuid of users) assert.deepEqual(await one.call('whereNow', { uuid }), [ROOM]);
    }
  });

  stage.each('P4', POLITE, 'leaves one of two channels, and not the other', async (scene, kind) => {
    const watcher = await scene.client(RAW, 'watcher');
    await watcher.subscribe({ names: 'room-a-pnpres,room-b-pnpres' });
    const ben = await scene.client(kind, 'ben');
    await ben.subscribe({ channels: [ROOM, 'room-b'] });
    await watcher.sees('join', 'ben', { channel: ROOM });
    await watcher.sees('join', 'ben', { channel: 'room-b' });
    await ben.unsubscribe({ channels: [ROOM] });
    await watcher.sees('leave', 'ben', { channel: ROOM, occupancy: 0 });
    assert.deepEqual(await ben.call('whereNow', { uuid: 'ben' }), ['room-b']);
    await scene.settlePresence('room-b', watcher);
    watcher.hasNothing();
    assert.deepEqual(await scene.users('room-b'), ['ben']);
  });

  stage.each('P5', POLITE, 'unsubscribes from everything, and has left every channel and the members of every group', async (scene, kind) => {
    const ben = await scene.client(kind, 'ben');
    await ben.call('addToGroup', { group: 'grp-1', channels: ['room-x', 'room-y'] });
    await ben.subscribe({ channels: [ROOM, 'room-b'], groups: ['grp-1'] });
    const watcher = await scene.client(RAW, 'watcher');
    await watcher.subscribe({ names: 'room-a-pnpres,room-b-pnpres,room-x-pnpres,room-y-pnpres' });
    assert.deepEqual((await ben.call('whereNow', {})).sort(), [ROOM, 'room-b', 'room-x', 'room-y']);
    await ben.unsubscribeAll();
    for (const channel of [ROOM, 'room-b', 'room-x', 'room-y']) await watcher.sees('leave', 'ben', { channel, occupancy: 0 });
    for (const channel of [ROOM, 'room-b', 'room-x', 'room-y']) assert.deepEqual(await scene.users(channel), [], channel);
  });

  stage.each('P6', POLITE, 'adds a channel, and neither leaves nor joins the first one again', async (scene, kind) => {
    const watcher = await scene.watcher();
    const ana = await scene.inside(kind, 'ana');
    await watcher.sees('join', 'ana');
    await ana.subscribe({ channels: ['room-b'], presence: true });
    await ana.sees('join', 'ana', { channel: 'room-b', occupancy: 1 });
    await scene.settle(ROOM, ana);
    await scene.settlePresence(ROOM, watcher);
    watcher.hasNothing();
    ana.hasNothing();
    assert.deepEqual(await scene.users(), ['ana']);
  });

  stage.one('P7 Py', 'has left although the poll that it has abandoned is still open, and misses nothing on the new one', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.client(PY, 'ana');
    await ana.subscribe({ channels: [ROOM, 'room-b'] });
    await watcher.sees('join', 'ana');
    await ana.unsubscribe({ channels: [ROOM] });
    await watcher.sees('leave', 'ana', { occupancy: 0 });
    await ana.polls();
    const open = ana.tap.to('v2/subscribe').filter(({ answer }) => answer === undefined).map(({ target }) => /\/v2\/subscribe\/[^/]+\/([^/]+)\//.exec(target)[1]);
    assert.deepEqual(open, ['room-a,room-b', 'room-b']);
    const told = [];
    for (let n = 0; n < 3; n += 1) {
      await scene.publish('room-b', { n });
      told.push((await ana.next('@message', { channel: 'room-b' })).message.n);
    }
    // The abandoned poll is answered too: what it names is not subscribed to again by that.
    await scene.publish(ROOM, 'for nobody');
    await scene.settlePresence(ROOM, watcher);
    watcher.hasNothing('of a poll that only hangs');
    assert.deepEqual(told, [0, 1, 2]);
    assert.deepEqual(await scene.users(), []);
  });

  stage.one('P11 Py', 'is one user on two devices: one of them leaves for both, and the next heartbeat of the other joins again', async (scene) => {
    const watcher = await scene.watcher();
    const devices = [];
    for (const interval of [1, 60]) {
      const device = await scene.client(PY, 'ana', { timeout: 120, interval, alone: true });
      await device.subscribe({ channels: [ROOM] });
      devices.push(device);
    }
    await watcher.sees('join', 'ana', { occupancy: 1 });
    assert.deepEqual(await scene.users(), ['ana']);
    await devices[1].unsubscribe({ channels: [ROOM] });
    await watcher.sees('leave', 'ana', { occupancy: 0 });
    await watcher.sees('join', 'ana', { occupancy: 1 });
    assert.deepEqual(watcher.seen, ['join ana 1', 'leave ana 0', 'join ana 1']);
  });

  stage.each('P10', [RAW, PY, PYA, JS, RS], 'observes a channel without being in it', async (scene, kind) => {
    const observer = await scene.client(kind, 'observer');
    await observer.subscribe({ channels: [`${ROOM}-pnpres`] });
    const ben = await scene.present('ben', [ROOM]);
    await observer.sees('join', 'ben', { channel: ROOM, occupancy: 1 });
    assert.deepEqual(await scene.users(), ['ben']);
    assert.deepEqual((await scene.raw.get('/v2/presence/sub-key/{sub}')).body.payload.channels, { [ROOM]: { occupancy: 1, uuids: ['ben'] } });
    await ben.unsubscribe({ channels: [ROOM] });
    await observer.sees('leave', 'ben', { occupancy: 0 });
    await scene.settlePresence(ROOM, observer);
    observer.hasNothing();
  });

  stage.one('P12 raw', 'without a uuid hears messages and joins nothing, and has its heartbeat refused', async (scene) => {
    const watcher = await scene.watcher();
    const nobody = await scene.client(RAW, 'anonymous', { anonymous: true });
    await nobody.subscribe({ channels: [ROOM] });
    await scene.publish(ROOM, 'hello');
    await nobody.next('@message', { message: 'hello' });
    await scene.settlePresence(ROOM, watcher);
    watcher.hasNothing();
    assert.deepEqual(await scene.users(), []);
    const { status, body } = await nobody.beat([ROOM]);
    assert.deepEqual([status, body], [400, { status: 400, error: true, message: 'No UUID specified', service: 'Presence' }]);
  });

  stage.each('P9', [RS], 'says explicitly what its subscriptions do not: heartbeat, leave, disconnect, reconnect', async (scene, kind) => {
    const watcher = await scene.watcher();
    const ana = await scene.client(kind, 'ana');
    await ana.call('heartbeat', { channels: [ROOM] });
    await watcher.sees('join', 'ana', { occupancy: 1 });
    await ana.call('leave', { channels: [ROOM] });
    await watcher.sees('leave', 'ana', { occupancy: 0 });
    await ana.subscribe({ channels: [ROOM] });
    await watcher.sees('join', 'ana', { occupancy: 1 });
    await ana.call('disconnect');
    await watcher.sees('leave', 'ana', { occupancy: 0 });
    await ana.call('reconnect');
    await watcher.sees('join', 'ana', { occupancy: 1 });
    assert.deepEqual(watcher.seen, ['join ana 1', 'leave ana 0', 'join ana 1', 'leave ana 0', 'join ana 1']);
  });

  for (const [how, end] of [['unsubscribes', (ana) => ana.unsubscribe()], ['is dropped', (ana) => ana.dispose()]]) {
    stage.one('P8 Rs', `${how} and has left when the grace of its closed poll is over`, async (scene) => {
      const watcher = await scene.watcher();
      const ana = await scene.inside(RS, 'ana');
      await watcher.sees('join', 'ana');
      await ana.polls();
      const begun = performance.now();
      await end(ana);
      await watcher.sees('leave', 'ana', { occupancy: 0 });
      assert.ok(performance.now() - begun >= 990, 'not before its grace is over');
    }, { close_grace: '1s' });
  }

  for (const [how, end] of [['unsubscribes', (ana) => ana.unsubscribe()], ['is dropped', (ana) => ana.dispose()]]) {
    stage.one('P8 Rs', `${how} and has left within 2 to 4 s where the hub has its own grace`, async (scene) => {
      const watcher = await scene.watcher();
      const ana = await scene.inside(RS, 'ana');
      await watcher.sees('join', 'ana');
      await ana.polls();
      const begun = await scene.now();
      await end(ana);
      const ended = await scene.now();
      const { tt } = await watcher.sees('leave', 'ana', { occupancy: 0 });
      const since = (earlier) => Number(BigInt(tt) - BigInt(earlier)) / 1e7;
      assert.ok(since(begun) >= 1.99 && since(ended) <= 4, `${since(begun)} s after the beginning, ${since(ended)} s after the end`);
    });
  }

  stage.one('P8 Rs', 'subscribes again within the grace, and nobody sees it go or come', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.inside(RS, 'ana');
    await watcher.sees('join', 'ana');
    await ana.unsubscribe();
    const back = await scene.client(RS, 'ana');
    await back.subscribe(ROOMS);
    // Who goes later and stays away has left later, too.
    const sentinel = await scene.inside(RS, 'zoe');
    await watcher.sees('join', 'zoe');
    await sentinel.unsubscribe();
    await watcher.sees('leave', 'zoe');
    watcher.hasNothing();
    assert.deepEqual(await scene.users(), ['ana']);
  });

  stage.one('P8 Rs', 'is not taken for gone where a closed poll means nothing, until it times out', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.inside(RS, 'ana');
    await watcher.sees('join', 'ana');
    // Its polls say 300 s whatever it is told; a heartbeat says less.
    await ana.unsubscribe();
    await ana.call('heartbeat', { channels: [ROOM], timeout: 4 });
    await watcher.sees('timeout', 'ana', { occupancy: 0 });
    assert.deepEqual(watcher.seen, ['join ana 1', 'timeout ana 0']);
  }, { leave_on_close: 'never', close_grace: '1s' });

  stage.one('P8 raw Js', 'leaves by closing its poll where that is so for everybody, and not by polling anew', async (scene) => {
    const watcher = await scene.watcher();
    const ana = await scene.inside(JS, 'ana');
    await watcher.sees('join', 'ana');
    await ana.subscribe({ channels: ['room-b'], presence: true });
    const ben = await scene.client(RAW, 'ben');
    const poll = await ben.hold(ROOM, { tt: await ben.handshake(ROOM) });
    await watcher.sees('join', 'ben');
    poll.close();
    await watcher.sees('leave', 'ben', { occupancy: 1 });
    watcher.hasNothing();
  }, { leave_on_close: 'always', close_grace: '1s' });
});
