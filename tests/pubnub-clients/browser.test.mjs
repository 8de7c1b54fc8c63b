// The SDK for JavaScript in a page of another origin, in a headless Chromium (P50).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { suite } from './kit/scene.mjs';

// The browser's driver is that of the other suite.
const { chromium } = createRequire(new URL('../pusher-clients/package.json', import.meta.url))('playwright-core');
const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const LIBRARY = new URL('./node_modules/pubnub/dist/web/pubnub.min.js', import.meta.url);
const ROOM = 'room-a';

suite('in a browser', (stage) => {
  stage.one('P50 Js', 'does everything from a page of another origin', async (scene) => {
    const watcher = await scene.watcher();
    const page = await open(scene);
    const { publish_key: publishKey, subscribe_key: subscribeKey } = scene.app.pubnub;
    const seen = await page.evaluate(visit, { publishKey, subscribeKey, origin: `127.0.0.1:${scene.hub.port}`, room: ROOM });
    assert.deepEqual(seen.events, ['PNConnectedCategory', 'join ana', { a: 1 }, { b: 2 }, 'signal typing', 'state-change ana']);
    assert.deepEqual(seen.here, [{ uuid: 'ana', state: { mood: 'ok' } }]);
    assert.deepEqual([seen.group, seen.state, seen.where], [['room-x'], { mood: 'ok' }, [ROOM]]);
    await watcher.sees('leave', 'ana', { occupancy: 0 });
    assert.deepEqual(watcher.seen, ['join ana 1', 'state-change ana 1', 'leave ana 0']);
  });
});

/** A page that has the library, from an origin that is not the hub's. */
async function open(scene) {
  const library = await readFile(LIBRARY);
  const pages = createServer((request, response) => {
    const isLibrary = request.url === '/pubnub.js';
    response.setHeader('content-type', isLibrary ? 'text/javascript' : 'text/html');
    response.end(isLibrary ? library : '<script src="/pubnub.js"></script>');
  });
  pages.listen(0, '127.0.0.1');
  await once(pages, 'listening');
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  scene.keep({ dispose: () => browser.close().then(() => { pages.closeAllConnections(); pages.close(); }) });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${pages.address().port}/`);
  return page;
}

/* Runs in the page: one thing after the other, each when what it causes has come. */
async function visit({ room, ...options }) {
  const pubnub = new globalThis.PubNub({ ...options, userId: 'ana', ssl: false });
  const events = [];
  let wake = () => {};
  const came = (event) => {
    events.push(event);
    wake();
  };
  pubnub.addListener({
    status: ({ category }) => category && came(category),
    presence: ({ action, uuid }) => came(`${action} ${uuid}`),
    message: ({ message }) => came(message),
    signal: ({ message }) => came(`signal ${message}`),
  });
  const next = async (does) => {
    const wanted = events.length + 1;
    await does();
    while (events.length < wanted) await new Promise((resolve) => (wake = resolve));
  };
  await next(() => pubnub.subscribe({ channels: [room], withPresence: true }));
  await next(() => {});
  await next(() => pubnub.publish({ channel: room, message: { a: 1 } }));
  await next(() => pubnub.publish({ channel: room, message: { b: 2 }, sendByPost: true }));
  await next(() => pubnub.signal({ channel: room, message: 'typing' }));
  await next(() => pubnub.setState({ channels: [room], state: { mood: 'ok' } }));
  const { channels } = await pubnub.hereNow({ channels: [room], includeState: true });
  await pubnub.channelGroups.addChannels({ channels: ['room-x'], channelGroup: 'grp-1' });
  const group = (await pubnub.channelGroups.listChannels({ channelGroup: 'grp-1' })).channels;
  const state = (await pubnub.getState({ channels: [room] })).channels[room];
  const where = (await pubnub.whereNow({ uuid: 'ana' })).channels;
  pubnub.unsubscribeAll();
  return { events, here: channels[room].occupants, group, state, where };
}
