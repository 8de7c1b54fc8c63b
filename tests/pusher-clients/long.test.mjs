// Random joins and leaves for a long time (U88), only when it is asked for: afterwards everything is as it was.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { settle } from './kit/clients/client.mjs';
import { JS, NODE, PYS, RAW } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

/** For how many seconds. */
const SPAN = Number(process.env.PUSHER_LONG ?? 0);
const CHANNELS = ['presence-a', 'presence-b', 'private-c', 'd', 'cache-e'];
/** How much more memory the hub may have in the end than after the first round, in KiB: what its allocator keeps. */
const SLACK = 32 * 1024;

if (SPAN > 0) {
  suite('a long time', (stage) => {
    stage.one('U88 JS PYS RAW', `join and leave for ${SPAN} s, and nothing stays behind`, async (scene) => {
      const backend = scene.backend(NODE);
      const end = performance.now() + SPAN * 1_000;
      const play = async () => {
        await round(scene, backend);
        assert.deepEqual(await emptied(backend), []);
      };
      for (let n = 0; n < 5; n += 1) await play();
      const before = await memory(scene.hub.pid);
      while (performance.now() < end) await play();
      const after = await memory(scene.hub.pid);
      assert.ok(after - before < SLACK, `${before} KiB, later ${after} KiB`);
    }, { pusher: { grace: '100ms' } });
  });
}

/** Some come, walk about and say things, and go, each in a way of its own. */
async function round(scene, backend) {
  const kinds = [...Array(10).fill(JS), ...Array(2).fill(PYS), ...Array(20).fill(RAW)];
  const clients = await Promise.all(kinds.map((kind, n) => scene.connected(kind, `c${n}`, { user: { user_id: `u${n % 25}` } })));
  await Promise.all(
    clients.map(async (client) => {
      for (let n = 0; n < 10; n += 1) {
        const channel = CHANNELS[Math.floor(Math.random() * CHANNELS.length)];
        await client.subscribe(channel);
        if (n % 3 === 0) await backend.trigger([channel], 'ev', { n });
        if (Math.random() < 0.8) await client.unsubscribe(channel);
        else break;
      }
    }),
  );
  await settle(...clients);
  for (const client of clients) if (Math.random() < 0.3) client.wire.cut();
  await scene.end();
}

/** Waits until no channel is occupied, as long as it takes to try fifty times. */
async function emptied(backend) {
  for (let n = 0; ; n += 1) {
    const channels = Object.keys((await backend.channels()).channels);
    if (channels.length === 0 || n === 50) return channels;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function memory(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]);
}
