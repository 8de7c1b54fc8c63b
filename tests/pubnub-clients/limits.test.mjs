// Bounds of an app: what happens at each, and how clients are told.

import assert from 'node:assert/strict';
import { RAW } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'room-a';

suite('limits', (stage) => {
  stage.one('R5 raw', 'asks too often and is told to come back, the old Rust by a slow answer', async (scene) => {
    const tt = '17610000000041122';
    const answers = [];
    do answers.push(await scene.raw.poll(ROOM, { tt: 0 }));
    while (answers.at(-1).status === 200 && answers.length < 1_000);
    const { status, body, headers } = answers.at(-1);
    assert.deepEqual([status, body.status, body.error, body.message], [429, 429, true, 'Too many requests.']);
    assert.match(headers['retry-after'], /^\d+$/);
    assert.match(headers['content-type'], /javascript|json/);
    // Of a burst each is counted, also what is refused.
    const burst = await Promise.all(Array.from({ length: 10 }, () => scene.raw.poll(ROOM, { tt, pnsdk: 'PubNub-Rust%2F0.3.0' })));
    const slow = burst.find(({ ms, body: said }) => said.t?.t === tt && ms >= 900);
    assert.deepEqual([burst.map((one) => one.status), slow?.body], [Array(10).fill(200), { t: { t: tt, r: 1 }, m: [] }]);
  }, { requests_per_second: 2, hold: '200ms' });

  stage.one('R7 raw', 'holds more polls than one uuid may, and has the oldest answered with its cursor', async (scene) => {
    const ana = await scene.client(RAW, 'ana');
    const tt = await ana.handshake(ROOM);
    const polls = [];
    for (let n = 0; n < 3; n += 1) polls.push(await ana.hold(ROOM, { tt }));
    const { status, body } = await polls[0].answer;
    assert.deepEqual([status, body], [200, { t: { t: tt, r: 1 }, m: [] }]);
    // The others are held still: they hear what is said now.
    await scene.publish(ROOM, 'hello');
    for (const { answer } of polls.slice(1)) assert.deepEqual((await answer).body.m.map(({ d }) => d), ['hello']);
  }, { polls_per_uuid: 2 });

  stage.one('T1 raw', 'has the state of somebody who is not here forgotten after a while', async (scene) => {
    const path = `/v2/presence/sub-key/{sub}/channel/${ROOM}/uuid/zoe`;
    const read = async () => (await scene.raw.get(path)).body.payload;
    await scene.raw.get(`${path}/data`, { state: '%7B%22mood%22%3A%22ok%22%7D' });
    assert.deepEqual(await read(), { mood: 'ok' });
    // Whoever is lost after four seconds is the clock.
    const watcher = await scene.watcher(RAW, 'elsewhere');
    await scene.present('clock', ['elsewhere'], { heartbeat: 4 });
    await watcher.sees('timeout', 'clock');
    assert.deepEqual(await read(), {});
  }, { state_lasts: '2s' });

  for (const names of [',', 'room-z']) {
    stage.one('P34 raw', `has its poll of ${names} and a group answered with its cursor when the group is deleted`, async (scene) => {
      const group = '/v1/channel-registration/sub-key/{sub}/channel-group/grp-1';
      await scene.raw.get(group, { add: ROOM });
      const tt = await scene.raw.handshake(names, { groups: 'grp-1' });
      const poll = await scene.raw.hold(names, { tt, groups: 'grp-1' });
      await scene.raw.get(`${group}/remove`);
      const { status, body } = await poll.answer;
      assert.deepEqual([status, body], [200, { t: { t: tt, r: 1 }, m: [] }]);
    });
  }

  stage.one('P36 raw', 'is refused what it publishes to a pattern', async (scene) => {
    const { status, body } = await scene.raw.get('/publish/{pub}/{sub}/0/sport.*/0/1');
    assert.equal(status, 400, JSON.stringify(body));
    assert.deepEqual(body.slice(0, 2), [0, 'Wildcard maximum depth exceeded']);
  });
});
