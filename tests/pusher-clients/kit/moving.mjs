// Everybody moves from a hub that drains to another (U12).

import assert from 'node:assert/strict';
import { PATIENCE } from '../../kit/patience.mjs';
import { Wire } from '../../kit/wire.mjs';
import { JS, NODE } from './kinds.mjs';

/** Everybody subscribes at a hub; it drains; everybody hears what is said at the next. Says how long it took until all were there. */
export async function moves(scene, kinds, drain) {
  const [old, next] = await Promise.all([scene.stage.startHub(drain), scene.stage.startHub()]);
  try {
    return await move(scene, kinds, old, next);
  } finally {
    await Promise.all([old.end(), next.end()]);
  }
}

async function move(scene, kinds, old, next) {
  const losses = [];
  const clients = [];
  for (const [n, kind] of kinds.entries()) {
    const client = await scene.connected(kind, `c${n}`, { wire: await Wire.to(old.port), listen: ['ev'], reconnect: 1 });
    await client.subscribe('pub');
    clients.push(client);
  }
  const { came } = clients[0];
  const browsers = clients.filter(({ kind }) => kind === JS);
  for (const client of browsers) {
    client.came = function (event, payload) {
      if (event === '@lost') losses.push(performance.now());
      came.call(this, event, payload);
    };
  }
  for (const { wire } of clients) wire.leadTo(next.port);
  const begun = performance.now();
  await old.drain();
  const patience = 2 * PATIENCE.leave;
  await Promise.all(clients.map((client) => client.next('@connected', {}, patience).then(() => client.next('@subscribed', { channel: 'pub' }, patience))));
  const took = performance.now() - begun;
  await scene.backend(NODE, { port: next.port }).trigger('pub', 'ev', 1);
  await Promise.all(clients.map((client) => client.next('ev')));
  assert.equal(losses.length, browsers.length);
  assert.ok(Math.max(...losses) - Math.min(...losses) > 500, `all in one moment: ${losses}`);
  for (const client of clients) assert.equal(client.connects, 2, client.name);
  return took;
}
