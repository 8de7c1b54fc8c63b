// Presence events: their bytes, what differs by receiver, and the modes of big and restless channels (P37-P40).

import assert from 'node:assert/strict';
import { RAW, SDKS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'room-a';
const isInt = Number.isSafeInteger;

/** Polls until this many entries have come, and gives them. */
async function entries(client, names, tt, count, more = {}) {
  const all = [];
  for (let cursor = tt; all.length < count; ) {
    const { status, body, text } = await client.poll(names, { tt: cursor, ...more });
    assert.equal(status, 200, text);
    cursor = body.t.t;
    all.push(...body.m);
  }
  return all;
}

/** Somebody comes with a state, changes it, leaves, comes again and is lost: five events. */
async function play(scene) {
  const ben = await scene.present('ben', [ROOM]);
  await ben.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}/uuid/ben/data`, { state: '%7B%22mood%22%3A%22ok%22%7D' });
  await ben.unsubscribe({ channels: [ROOM] });
  await ben.beat([ROOM], { heartbeat: 3 });
}

suite('events', (stage) => {
  stage.one('P37 raw', 'has exactly the keys of the reference', async (scene) => {
    const tt = await scene.raw.handshake(`${ROOM}-pnpres`);
    await play(scene);
    const all = await entries(scene.raw, `${ROOM}-pnpres`, tt, 5);
    assert.deepEqual(all.map(({ d }) => [d.action, d.uuid, d.occupancy]), [['join', 'ben', 1], ['state-change', 'ben', 1], ['leave', 'ben', 0], ['join', 'ben', 1], ['timeout', 'ben', 0]]);
    for (const { a, f, p, k, c, u, d, ...more } of all) {
      const what = d.action;
      assert.deepEqual(more, {}, `${what} of a lone name has nothing more`);
      assert.deepEqual([typeof a, isInt(f), k, c], ['string', true, scene.app.pubnub.subscribe_key, `${ROOM}-pnpres`], what);
      assert.match(p.t, /^\d{17}$/);
      assert.ok(isInt(p.r));
      const { data, precise_timestamp: precise, ...rest } = d;
      assert.deepEqual(rest, { action: what, uuid: 'ben', timestamp: d.timestamp, occupancy: d.occupancy }, what);
      assert.ok(isInt(d.timestamp) && (precise === undefined ? what === 'state-change' : isInt(precise)), what);
      if (precise !== undefined) assert.equal(Math.floor(precise / 1_000), d.timestamp);
      assert.equal(String(d.timestamp), p.t.slice(0, 10), what);
      const { pn_precise_timestamp: _, ...map } = u;
      // What the state of a leaver was is in its event alone.
      const last = what === 'leave' ? { pn_state_mood: 'ok' } : {};
      assert.deepEqual(map, { ...last, pn_action: what, pn_channel: ROOM, pn_ispresence: 1, pn_occupancy: d.occupancy, pn_timestamp: d.timestamp, pn_uuid: 'ben' }, what);
    }
    assert.deepEqual(all.map(({ d }) => d.data ?? {}), [{}, { mood: 'ok' }, { mood: 'ok' }, {}, {}]);
    assert.ok(!('data' in all[0].d) && !('data' in all[3].d), 'a join without a state has no data');
  });

  stage.one('P37 raw', 'names the match wherever there is more than one name', async (scene) => {
    await scene.raw.get('/v1/channel-registration/sub-key/{sub}/channel-group/grp-1', { add: ROOM });
    const asked = [
      ['room-a-pnpres', {}, [undefined]],
      ['room-a-pnpres,room-a', {}, [`${ROOM}-pnpres`]],
      ['room-a-pnpres,room-a-pnpres', {}, [`${ROOM}-pnpres`]],
      [',', { groups: 'grp-1-pnpres' }, ['grp-1-pnpres']],
      ['room-a-pnpres', { groups: 'grp-1-pnpres' }, ['grp-1-pnpres', 'room-a-pnpres']],
    ];
    const anonymous = await scene.client(RAW, 'anonymous', { anonymous: true });
    const cursors = [];
    for (const [names, query] of asked) cursors.push(await anonymous.handshake(names, query));
    await scene.present('ben', [ROOM]);
    for (const [n, [names, query, matches]] of asked.entries()) {
      const all = await entries(anonymous, names, cursors[n], matches.length, query);
      assert.deepEqual(all.map(({ b }) => b).sort(), matches, names);
      assert.ok(all.every(({ c }) => c === `${ROOM}-pnpres`), names);
    }
  });

  stage.one('P37 raw', 'has no `u` where streams are not filtered', async (scene) => {
    const tt = await scene.raw.handshake(`${ROOM}-pnpres`);
    await scene.present('ben', [ROOM]);
    const [{ u, d }] = await entries(scene.raw, `${ROOM}-pnpres`, tt, 1);
    assert.deepEqual([u, d.action], [undefined, 'join']);
  }, { stream_filtering: false });

  stage.one('P38 raw', 'has or has no `data`, as the receiver can bear', async (scene) => {
    const versions = ['PubNub-Rust%2F0.3.0', 'PubNub-Rust%2F0.4.0', 'PubNub-Rust%2F0.6.0', 'PubNub-Rust%2F0.9.0', 'PubNub-Rust/0.10.1', 'PubNub-Python%2F7.0.0', 'PubNub-JS-Nodejs%2F11.0.2'];
    const receivers = await Promise.all(versions.map((pnsdk, n) => scene.client(RAW, `receiver-${n}`, { query: { pnsdk } })));
    const cursors = [];
    for (const one of receivers) cursors.push(await one.handshake(`${ROOM}-pnpres`));
    await play(scene);
    for (const [n, one] of receivers.entries()) {
      const all = await entries(one, `${ROOM}-pnpres`, cursors[n], 5);
      const said = Object.fromEntries(all.slice(0, 3).concat(all[4]).map(({ d }) => [d.action, d.data]));
      const state = { mood: 'ok' };
      assert.deepEqual(said['state-change'], state, versions[n]);
      if (/Rust%2F0\.[34]/.test(versions[n])) assert.deepEqual([said.join, said.leave, said.timeout], [{}, state, {}], versions[n]);
      else if (/Rust.*0\.(9|10)/.test(versions[n])) assert.deepEqual([said.join, said.leave, said.timeout], [undefined, undefined, undefined], versions[n]);
      else assert.deepEqual([said.leave, said.timeout ?? {}], [state, {}], versions[n]);
    }
  });

  stage.each('P38', SDKS, 'is given joins, leaves, timeouts and changes as presence, and no message', async (scene, kind) => {
    const ana = await scene.inside(kind, 'ana');
    await play(scene);
    const expected = ['join', 'state-change', 'leave', 'join', 'timeout'];
    for (const action of expected) await ana.sees(action, 'ben', { channel: ROOM });
    await scene.settle(ROOM, ana);
    ana.hasNothing();
  });

  stage.each('P39', SDKS, 'is told in intervals who came and went while there are many', async (scene, kind) => {
    const ana = await scene.inside(kind, 'ana');
    const others = [];
    for (const name of ['u1', 'u2']) {
      others.push(await scene.present(name, [ROOM]));
      await ana.sees('join', name);
    }
    // The third is one too many.
    others.push(await scene.present('u3', [ROOM]));
    const more = await ana.sees('interval', undefined, { occupancy: 4 });
    assert.deepEqual([more.join, more.leave ?? [], more.timeout ?? []], [['u3'], [], []]);
    await others[0].unsubscribe({ channels: [ROOM] });
    const fewer = await ana.next('@presence', ({ action, leave }) => action === 'leave' || leave);
    // How the last one that was too many is told to go, is the hub's to choose.
    assert.deepEqual(fewer.leave ?? [fewer.uuid], ['u1']);
    // Three are not too many: each is told of again.
    await others[1].unsubscribe({ channels: [ROOM] });
    await ana.sees('leave', 'u2', { occupancy: 2 });
    assert.ok(!ana.seen.some((one) => one.startsWith('join u3')), String(ana.seen));
  }, { announce_max: 3, interval: '1s', deltas: true });

  stage.each('P39', SDKS, 'is told in intervals who was lost', async (scene, kind) => {
    const ana = await scene.inside(kind, 'ana');
    for (const name of ['u1', 'u2', 'u3']) await scene.present(name, [ROOM]);
    await scene.present('lost', [ROOM], { heartbeat: 3 });
    const { timeout } = await ana.next('@presence', ({ action, timeout }) => action === 'interval' && timeout?.length > 0);
    assert.deepEqual(timeout, ['lost']);
    await scene.settle(ROOM, ana);
    assert.deepEqual(ana.inbox.arrivals.filter(({ event }) => event !== '@presence' && event !== '@connected'), []);
  }, { announce_max: 2, interval: '1s', deltas: true });

  stage.each('P39', SDKS, 'can read that it is to ask again', async (scene, kind) => {
    const ana = await scene.inside(kind, 'ana');
    for (let n = 0; n < 20; n += 1) await scene.present(`somebody-with-a-long-name-${n}`, [ROOM]);
    const { join, leave, timeout } = await ana.sees('interval', undefined, { occupancy: 21 });
    assert.deepEqual([join ?? [], leave ?? [], timeout ?? []], [[], [], []]);
    await scene.settle(ROOM, ana);
    assert.deepEqual(ana.inbox.arrivals.filter(({ event }) => event !== '@presence' && event !== '@connected'), []);
    assert.ok(ana.tap.to('v2/subscribe').some(({ heard }) => heard.includes('"here_now_refresh":true')), 'it was told so');
  }, { announce_max: 1, interval: '1s', deltas: true, delta_bytes: 64 });

  stage.one('P39 raw', 'has or has no `data` in intervals, as the receiver can bear', async (scene) => {
    const versions = { '0.3.0': {}, '0.4.0': {}, '0.6.0': undefined, '0.9.0': undefined };
    const receivers = [];
    for (const version of Object.keys(versions)) {
      const one = await scene.client(RAW, `receiver-${version}`, { query: { pnsdk: `PubNub-Rust%2F${version}` } });
      receivers.push([version, one, await one.handshake(`${ROOM}-pnpres`)]);
    }
    for (let n = 0; n < 4; n += 1) await scene.present(`u${n}`, [ROOM]);
    for (const [version, one, tt] of receivers) {
      const all = await entries(one, `${ROOM}-pnpres`, tt, 3);
      const { d } = all.find((entry) => entry.d.action === 'interval') ?? {};
      assert.deepEqual(d?.data, versions[version], `${version}: ${JSON.stringify(all)}`);
      assert.equal(d.action, 'interval');
    }
  }, { announce_max: 2, interval: '1s' });

  stage.one('P39 raw', 'is told of a change of state at once, however many there are', async (scene) => {
    for (let n = 0; n < 4; n += 1) await scene.present(`u${n}`, [ROOM]);
    const watcher = await scene.watcher();
    await scene.raw.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}/uuid/u0/data`, { state: '%7B%22mood%22%3A%22ok%22%7D' });
    assert.deepEqual((await watcher.sees('state-change', 'u0', { occupancy: 4 })).state, { mood: 'ok' });
  }, { announce_max: 2, interval: '1s' });

  stage.one('P39 raw', 'gets intervals with exactly what changed, and without deltas only the count', async (scene) => {
    const tt = await scene.raw.handshake(`${ROOM}-pnpres`);
    const crowd = [];
    for (let n = 0; n < 4; n += 1) crowd.push(await scene.present(`u${n}`, [ROOM]));
    const all = await entries(scene.raw, `${ROOM}-pnpres`, tt, 4);
    assert.deepEqual(all.slice(0, 3).map(({ d }) => d.action), ['join', 'join', 'join']);
    const { d, u, c } = all[3];
    assert.deepEqual([d, c], [{ action: 'interval', timestamp: d.timestamp, occupancy: 4 }, `${ROOM}-pnpres`]);
    assert.deepEqual([u.pn_action, u.pn_occupancy, u.pn_ispresence, u.pn_channel], ['interval', 4, 1, ROOM]);
  }, { announce_max: 3, interval: '1s' });

  stage.one('P39 raw', 'gets lists of those who came, went and were lost, of which each is named once', async (scene) => {
    const crowd = [];
    for (let n = 0; n < 6; n += 1) crowd.push(await scene.present(`u${n}`, [ROOM]));
    const tt = await scene.raw.handshake(`${ROOM}-pnpres`);
    await crowd[0].unsubscribe({ channels: [ROOM] });
    await scene.present('lost', [ROOM], { heartbeat: 3 });
    await scene.present('new', [ROOM]);
    const told = { join: [], leave: [], timeout: [] };
    for (let cursor = tt, occupancy; occupancy !== 6 || told.timeout.length === 0; ) {
      const { body } = await scene.raw.poll(`${ROOM}-pnpres`, { tt: cursor });
      cursor = body.t.t;
      for (const { d } of body.m) {
        assert.equal(d.action, 'interval');
        for (const list of Object.keys(told)) told[list].push(...(d[list] ?? []));
        assert.ok(Object.keys(told).every((list) => d[list]?.length !== 0), 'only lists of somebody appear');
        ({ occupancy } = d);
      }
    }
    assert.deepEqual(told.join.filter((name) => !/^u\d$/.test(name)).sort(), ['lost', 'new']);
    assert.deepEqual([told.leave, told.timeout], [['u0'], ['lost']]);
  }, { announce_max: 3, interval: '1s', deltas: true });

  stage.one('P39 raw', 'is told to ask again where the lists would be too long', async (scene) => {
    const tt = await scene.raw.handshake(`${ROOM}-pnpres`);
    const names = Array.from({ length: 30 }, (_, n) => `somebody-with-a-long-name-${n}`);
    for (const name of names) await scene.raw.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}/heartbeat`, { uuid: name, heartbeat: 300 });
    const isRefresh = ({ d }) => d.here_now_refresh === true;
    let found;
    for (let cursor = tt; found === undefined; ) {
      const { body } = await scene.raw.poll(`${ROOM}-pnpres`, { tt: cursor });
      cursor = body.t.t;
      found = body.m.find(isRefresh);
    }
    const { timestamp, occupancy } = found.d;
    assert.deepEqual(found.d, { action: 'interval', timestamp, occupancy, here_now_refresh: true });
    const { body } = await scene.raw.get(`/v2/presence/sub-key/{sub}/channel/${ROOM}`);
    assert.equal(body.occupancy, 30);
  }, { announce_max: 1, interval: '1s', deltas: true, delta_bytes: 64 });

  stage.each('P40', SDKS, 'sees no flap of somebody who leaves and is back within the debounce', async (scene, kind) => {
    const watcher = await scene.watcher(kind);
    const ben = await scene.present('ben', [ROOM]);
    await watcher.sees('join', 'ben');
    await ben.unsubscribe({ channels: [ROOM] });
    await ben.beat([ROOM]);
    const later = await scene.present('later', [ROOM]);
    await watcher.sees('join', 'later');
    await later.unsubscribe({ channels: [ROOM] });
    await watcher.sees('leave', 'later');
    watcher.hasNothing();
    assert.deepEqual(await scene.users(), ['ben']);
  }, { debounce: '1s' });

  stage.one('P40 raw', 'sees both in order where there is no debounce', async (scene) => {
    const watcher = await scene.watcher();
    const ben = await scene.present('ben', [ROOM]);
    await ben.unsubscribe({ channels: [ROOM] });
    await ben.beat([ROOM]);
    await scene.settlePresence(ROOM, watcher);
    assert.deepEqual(watcher.seen, ['join ben 1', 'leave ben 0', 'join ben 1']);
  });
});
