// pusher-js in a headless Chromium: origins, calls across them, tabs that are closed and pages that are loaded again (U1, U6, U39, U45, U72).

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { chromium } from 'playwright-core';
import { JS, NODE } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';
import { PATIENCE } from '../kit/patience.mjs';

const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const LIBRARY = new URL('./node_modules/pusher-js/dist/web/pusher.min.js', import.meta.url);
const ROOM = 'presence-room';

suite('in a browser', (stage) => {
  stage.one('U6 JS', 'connects from pages that may, and is refused from others', async (scene) => {
    const allowed = await open(stage, scene);
    assert.equal(await allowed.evaluate(() => globalThis.said('connected')), true);
    const foreign = await open(stage, scene, 'localhost');
    assert.equal((await foreign.evaluate(() => globalThis.said('error'))).code, 4009);
    await foreign.evaluate(() => globalThis.said('disconnected'));
  });

  stage.one('U39 NODE', 'signs for a page that calls the hub across origins', async (scene) => {
    const page = await open(stage, scene);
    const backend = scene.backend(NODE);
    const body = JSON.stringify({ name: 'ev', channels: ['pub'], data: '1' });
    const query = backend.library.createSignedQueryString({ method: 'POST', path: `${backend.path}/events`, body });
    const call = ({ url, text }) => fetch(url, { method: 'POST', body: text, headers: { 'content-type': 'application/json' } }).then((answer) => answer.text());
    assert.equal(await page.evaluate(call, { url: `${backend.origin}${backend.path}/events?${query}`, text: body }), '{}');
  });

  stage.one('U45 JS', 'is a tab that is closed, and leaves once, after its grace', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const tabs = [await member(stage, scene, 'a'), await member(stage, scene, 'a')];
    await watcher.next('@added', { id: 'a' });
    await tabs[0].close();
    await watcher.isQuiet('of one of two tabs');
    await tabs[1].close();
    await watcher.next('@removed', { id: 'a' }, PATIENCE.leave);
    await watcher.isQuiet();
  });

  stage.one('U72 JS', 'is a page that is loaded again, and nobody is told', async (scene) => {
    const watcher = await scene.member(JS, ROOM, 'w');
    const page = await member(stage, scene, 'a');
    await watcher.next('@added', { id: 'a' });
    await page.reload();
    assert.equal(await join(page, 'a'), 2);
    const sentinel = await scene.member(JS, ROOM, 'z');
    await watcher.next('@added', { id: 'z' });
    sentinel.close();
    assert.equal((await watcher.next('@removed', {}, PATIENCE.leave)).id, 'z');
    await watcher.isQuiet();
  });
}, {
  async prepare(stage) {
    const site = await serve(stage);
    for (const app of stage.apps) app.origins = [`http://127.0.0.1:${site.address().port}`];
    stage.browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
    stage.endings.push(() => stage.browser.close());
    return {};
  },
});

/** An application's web site: pages without anything, and the library. */
async function serve(stage) {
  const library = await readFile(LIBRARY);
  const site = createServer((request, response) => {
    const isLibrary = request.url === '/pusher.js';
    response.writeHead(200, { 'content-type': isLibrary ? 'text/javascript' : 'text/html' });
    response.end(isLibrary ? library : '<!doctype html><title>An application</title><script src="/pusher.js"></script>');
  });
  site.listen(0);
  await once(site, 'listening');
  stage.site = site;
  stage.endings.push(() => {
    site.closeAllConnections();
    site.close();
  });
  return site;
}

/** A page of the application that has begun to connect. */
async function open(stage, scene, host = '127.0.0.1') {
  const page = await (await stage.browser.newContext()).newPage();
  page.setDefaultTimeout(PATIENCE.start);
  const { key, id } = scene.app;
  await page.addInitScript(connect, { key, port: scene.hub.port, endpoint: `${stage.endpoint.url}/${id}/pusher/auth` });
  await page.goto(`http://${host}:${stage.site.address().port}/`);
  return page;
}

async function member(stage, scene, id) {
  const page = await open(stage, scene);
  await join(page, id);
  return page;
}

/** Subscribes in the page; gives the number of members. */
function join(page, id) {
  return page.evaluate((user) => globalThis.join(user), JSON.stringify({ user_id: id }));
}

/* Runs in the page, before anything of it. */
function connect({ key, port, endpoint }) {
  globalThis.addEventListener('DOMContentLoaded', () => {
    const make = (user) => new globalThis.Pusher(key, { cluster: 'x', wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'], channelAuthorization: { endpoint, params: { user } } });
    const { connection } = make();
    const answers = {
      connected: () => true,
      disconnected: () => true,
      error: ({ error, data }) => data ?? error.data,
    };
    const come = Object.fromEntries(Object.entries(answers).map(([event, read]) => [event, new Promise((resolve) => connection.bind(event, (what) => resolve(read(what))))]));
    globalThis.said = (event) => come[event];
    globalThis.join = (user) =>
      new Promise((resolve) => make(user).subscribe('presence-room').bind('pusher:subscription_succeeded', ({ count }) => resolve(count)));
  });
}
