// A large presence channel (U57), one where many come and go (U44), and a thousand clients that move to another hub (U12).

import assert from 'node:assert/strict';
import { Extra } from './kit/crowd.mjs';
import { settle } from './kit/clients/client.mjs';
import { JS, PYS, RAW } from './kit/kinds.mjs';
import { moves } from './kit/moving.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'presence-room';
const MANY = 1_000;
const WALKERS = 50;
const TIMES = 200;

suite('a crowd', (stage) => {
  stage.one('U57 JS', `is told all of ${MANY} members, and its coming costs each of them one frame`, async (scene) => {
    const ids = Array.from({ length: MANY }, (_, n) => `m${n}`);
    const crowd = await Promise.all(ids.map((id) => Extra.connect(scene.hub, scene.app, id)));
    for (const one of crowd) scene.keep(one);
    await Promise.all(crowd.map((one) => one.subscribe(ROOM)));
    await Promise.all(crowd.map((one) => one.fence()));
    for (const one of crowd) one.added = 0;
    const newcomer = await scene.member(JS, ROOM, 'new');
    assert.equal(newcomer.members(ROOM).count, MANY + 1);
    assert.deepEqual(newcomer.subscribed.ids.sort(), [...ids, 'new'].sort());
    await newcomer.fence();
    await Promise.all(crowd.map((one) => one.fence()));
    for (const one of crowd) assert.equal(one.added, 1, one.id);
  });

  stage.one('U44 RAW', `tells who comes ${TIMES} times a true list and what follows it, while ${WALKERS} come and go`, async (scene) => {
    const watcher = await scene.member(RAW, ROOM, 'w');
    const user = (id) => ({ user: { user_id: id } });
    const walkers = await Promise.all(Array.from({ length: WALKERS }, (_, n) => scene.connected(RAW, `r${n}`, user(`r${n}`))));
    const guest = await scene.connected(RAW, 'guest', user('guest'));
    let isOver = false;
    const walk = async (one) => {
      while (!isOver) {
        await one.subscribe(ROOM);
        if (Math.random() < 0.5) await one.fence();
        one.unsubscribe(ROOM);
        await one.fence();
      }
    };
    const walking = Promise.all(walkers.map(walk));
    for (let n = 0; n < TIMES; n += 1) {
      await guest.subscribe(ROOM);
      if (n % 4 === 0) await guest.fence();
      guest.unsubscribe(ROOM);
    }
    isOver = true;
    await walking;
    const stayers = walkers.filter((_, n) => n % 2);
    await Promise.all([guest, ...stayers].map((one) => one.subscribe(ROOM)));
    await settle(guest, watcher, ...walkers);
    const [all] = visits(watcher, 'guest');
    const seen = visits(guest, 'guest');
    assert.equal(seen.length, TIMES + 1);
    const states = sets(all);
    assert.equal(states.at(-1), ['w', ...stayers.map(({ options }) => options.user.user_id)].sort().join());
    assert.equal(sets(seen.at(-1)).at(-1), states.at(-1));
    assert.ok(all.steps.length > TIMES, 'many have come and gone meanwhile');
    for (const [n, visit] of seen.entries()) {
      const [first] = sets(visit);
      // Somebody who was there all the time saw the same at some time.
      const begins = (state, at) => state === first && visit.steps.every((step, n) => all.steps[at + n] === step);
      assert.ok(states.some(begins), `visit ${n}: ${JSON.stringify(visit)}`);
    }
  }, { pusher: { strict: true } });

  stage.one('U12 JS PYS', `come back within 30 s from a hub that drains when they are ${MANY}`, async (scene) => {
    const drain = { 'drain.window': '10s', 'drain.timeout': '25s' };
    const took = await moves(scene, [...Array(MANY).fill(JS), ...Array(10).fill(PYS)], drain);
    assert.ok(took < 30_000, `${took} ms`);
  });
}, { abreast: 1, settings: { 'limits.churn_per_second': 10_000, 'limits.events_per_second': 10_000 } });

/** What a client was told from each of its subscriptions on: the list, and then who came (`+`) and went (`-`). It is not told of `but`. */
function visits(client, but) {
  const visits = [];
  for (const { event, payload } of client.inbox.history) {
    if (event === '@subscribed') visits.push({ ids: payload.ids.filter((id) => id !== but), steps: [] });
    else if (['@added', '@removed'].includes(event) && payload.id !== but) visits.at(-1).steps.push((event === '@added' ? '+' : '-') + payload.id);
  }
  return visits;
}

/** Who was there at the beginning and after each step, as texts. Nobody comes who is there, or goes who is not. */
function sets({ ids, steps }) {
  const there = new Set(ids);
  const text = () => [...there].sort().join();
  const sets = [text()];
  for (const [n, step] of steps.entries()) {
    const id = step.slice(1);
    assert.ok(step.startsWith('+') ? !there.has(id) && there.add(id) : there.delete(id), `${step} after ${n} steps`);
    sets.push(text());
  }
  return sets;
}
