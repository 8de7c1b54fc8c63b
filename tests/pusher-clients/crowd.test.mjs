// A large presence channel (U57).

import assert from 'node:assert/strict';
import { Extra } from './kit/crowd.mjs';
import { JS } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

const ROOM = 'presence-room';
const MANY = 1_000;

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
});
