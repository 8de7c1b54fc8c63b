// Ten thousand connections that say nothing (U86): what each costs the hub, and that all of them stay.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import WebSocket from 'ws';
import { within } from '../kit/patience.mjs';
import { suite } from './kit/scene.mjs';

const MANY = 10_000;
/** How many begin at once. */
const ABREAST = 200;
/** What one may cost at the most, in bytes; a build for release needs about a tenth. */
const MOST = 64 * 1024;

suite('a silent crowd', (stage) => {
  stage.one('U86 RAW', `of ${MANY} costs little, answers every ping and stays`, async (scene) => {
    const before = await resident(scene.hub);
    const sockets = [];
    for (let n = 0; n < MANY; n += ABREAST) {
      sockets.push(...(await Promise.all(Array.from({ length: ABREAST }, () => idle(scene)))));
    }
    const each = Math.round(((await resident(scene.hub)) - before) / MANY);
    console.log(`U86: ${each} bytes of the hub's memory for each of ${MANY} connections`);
    assert.ok(each < MOST, `${each}`);
    // Whoever does not answer the first ping is gone before it is pinged the second time.
    await within(60_000, () => 'two pings for each', Promise.all(sockets.map((one) => one.pinged)));
    assert.equal(sockets.filter((one) => one.socket.readyState === WebSocket.OPEN).length, MANY);
    for (const one of sockets) one.socket.terminate();
  });
}, { settings: { 'limits.ping_interval': '4s', 'limits.pong_timeout': '30s' } });

/** A connection that has been told its socket id, and then only answers pings, as browsers do. */
async function idle(scene) {
  const socket = new WebSocket(`ws://127.0.0.1:${scene.hub.port}/app/${scene.app.key}?protocol=7`, { perMessageDeflate: false });
  let pings = 0;
  const pinged = new Promise((resolve, reject) => {
    socket.on('ping', () => {
      pings += 1;
      if (pings === 2) resolve();
    });
    socket.once('close', (code) => reject(new Error(`closed with ${code}`)));
  });
  pinged.catch(() => {});
  socket.on('error', () => {});
  await once(socket, 'message');
  return { socket, pinged };
}

/** The hub's memory in bytes. */
async function resident({ pid }) {
  return 1_024 * Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]);
}
