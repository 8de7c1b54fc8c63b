// What a test plays on: a hub of the file, an app nobody else uses, clients that are ended when the test is over.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { endHosts } from './host.mjs';
import { startHub } from './hub.mjs';
import { RAW } from './kinds.mjs';

/** How many tests of a file are on their way at once. */
const ABREAST = 6;

/** A file's tests, with a hub in which each has an app of its own. `tell` is given a stage. */
export function suite(name, tell, { settings = {}, abreast = ABREAST } = {}) {
  describe(name, { concurrency: abreast }, () => {
    const stage = new Stage(settings);
    before(async () => {
      // Tests of a file that has no hub would all be called cancelled, and the reason lost.
      stage.hub = await stage.startHub().catch((error) => {
        process.stderr.write(`${error.stack}\n`);
        throw error;
      });
    });
    after(async () => {
      await endHosts();
      await stage.hub?.end();
    });
    tell(stage);
  });
}

class Stage {
  /** The apps of the file's tests. */
  #apps = [];

  constructor(settings) {
    this.settings = settings;
  }

  /** A hub with the apps of the file. */
  startHub() {
    return startHub({ settings: this.settings, apps: this.#apps });
  }

  /** An app of the hub, with keys of its own. */
  app({ pubnub, ...keys } = {}) {
    const number = this.#apps.length + 1;
    const own = { id: String(number), key: `app-key-${number}`, secret: `a secret of the tests only, number ${number}` };
    const app = { ...own, ...keys, pubnub: { publish_key: `pub-c-${number}`, subscribe_key: `sub-c-${number}`, secret_key: `sec-c-of-the-tests-only-number-${number}`, ...pubnub } };
    this.#apps.push(app);
    return app;
  }

  /** One test for each of the kinds, named `P7 Py ...`. */
  each(number, kinds, title, play, pubnub, more) {
    for (const kind of kinds) this.one(`${number} ${kind.name}`, title, (scene) => play(scene, kind), pubnub, more);
  }

  /** One test, with an app that has these keys of the dialect; `more` are of the app itself. */
  one(number, title, play, pubnub = {}, more = {}) {
    const app = this.app({ ...more, pubnub });
    test(`${number} ${title}`, async () => {
      const scene = new Scene(this, app);
      try {
        await play(scene);
      } catch (error) {
        error.message += this.hub.isRunning ? '' : `\nthe hub has ended:\n${this.hub.output}`;
        if (process.env.PUBNUB_STORY) process.stderr.write(`${number} ${title}${scene.story}\n`);
        throw error;
      } finally {
        await scene.end();
      }
    });
  }
}

export class Scene {
  #things = [];
  #fences = 0;

  constructor(stage, app) {
    this.stage = stage;
    this.hub = stage.hub;
    this.app = app;
    /** Somebody of requests by hand, who is nowhere. */
    this.raw = this.#made(RAW, 'nobody', {});
  }

  #made(kind, name, { app = this.app, port = this.hub.port, signs = false, ...options }) {
    const { publish_key: publishKey, subscribe_key: subscribeKey, secret_key } = app.pubnub;
    const keys = { publishKey, subscribeKey, ...(signs && { secretKey: secret_key }) };
    const client = new kind.Adapter(kind, name, { port, ...keys, ...options });
    this.#things.push(client);
    return client;
  }

  /** A client that does nothing yet. With `signs` it has the secret key. */
  async client(kind, name = 'ana', options = {}) {
    const client = this.#made(kind, name, options);
    await client.open();
    return client;
  }

  /** A client that is subscribed to a channel with its presence and has seen its own join. */
  async inside(kind, name, channel = 'room-a', options = {}) {
    const client = await this.client(kind, name, options);
    await client.subscribe({ channels: [channel], presence: true });
    await client.sees('join', name, { channel });
    return client;
  }

  /** A client that sees the presence of a channel and is not in it. */
  async watcher(kind = RAW, channel = 'room-a', options = {}, name = 'watcher') {
    const client = await this.client(kind, name, options);
    await client.subscribe({ channels: [`${channel}-pnpres`] });
    return client;
  }

  /** Somebody who is present in channels by heartbeats, and does nothing else. */
  async present(name, channels, { heartbeat = 300, state, groups } = {}) {
    const one = await this.client(RAW, name);
    await one.beat(channels, { heartbeat, state, groups });
    return one;
  }

  /** Whoever is subscribed to the channel has everything that was to come of it. */
  async settle(channel, ...clients) {
    this.#fences += 1;
    const fence = `message-${this.#fences}`;
    const passed = clients.map((client) => client.passes(fence));
    await this.publish(channel, { fence });
    await Promise.all(passed);
  }

  /** The same for those who are subscribed to the channel's presence only. */
  async settlePresence(channel, ...clients) {
    this.#fences += 1;
    const fence = `fence-${this.#fences}`;
    const passed = clients.map((client) => client.passes(fence));
    await this.raw.get(`/v2/presence/sub-key/{sub}/channel/${channel}/uuid/${fence}/data`, { state: '%7B%22fence%22%3A1%7D' });
    await Promise.all(passed);
  }

  /** Publishes by hand. Gives the timetoken. */
  async publish(channel, message, query = {}) {
    const { status, body } = await this.raw.get(`/publish/{pub}/{sub}/0/${channel}/0/${encodeURIComponent(JSON.stringify(message))}`, query);
    assert.equal(status, 200, JSON.stringify(body));
    return body[2];
  }

  /** What the hub's clock says: a timetoken. */
  async now() {
    return (await this.raw.get('/time/0')).text.slice(1, -1);
  }

  /** The users of a channel, by hand and in order. */
  async users(channel = 'room-a') {
    const { body } = await this.raw.get(`/v2/presence/sub-key/{sub}/channel/${channel}`);
    assert.equal(body.occupancy, body.uuids.length);
    return body.uuids.sort();
  }

  /** What the SDKs of the test said and heard. */
  get story() {
    return this.#things.filter(({ tap }) => tap).map(({ tap }) => `\n${tap.story}`).join('');
  }

  /** Something that is disposed of at the end. */
  keep(thing) {
    this.#things.push(thing);
    return thing;
  }

  async end() {
    await Promise.all(this.#things.map((thing) => thing.dispose()));
  }
}
