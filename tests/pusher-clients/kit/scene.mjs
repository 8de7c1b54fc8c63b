// What a test plays on: a hub of the file, an app nobody else uses, people, clients that are ended when the test is over.

import { after, before, describe, test } from 'node:test';
import { NativeClient } from './clients/native.mjs';
import { Endpoint } from './endpoint.mjs';
import { endHosts } from './host.mjs';
import { startHub } from './hub.mjs';
import { JS } from './kinds.mjs';
import { Wire } from '../../kit/wire.mjs';

/** How many tests of a file are on their way at once. */
const ABREAST = 6;

/** A file's tests, with a hub in which each has an app of its own. `tell` is given a stage; `prepare` gives further settings when its time has come. */
export function suite(name, tell, { settings = {}, abreast = ABREAST, prepare = () => ({}) } = {}) {
  describe(name, { concurrency: abreast }, () => {
    const stage = new Stage();
    before(async () => {
      // Tests of a file that has no hub would all be called cancelled, and the reason lost.
      await stage.open({ ...settings, ...(await prepare(stage)) }).catch((error) => {
        process.stderr.write(`${error.stack}\n`);
        throw error;
      });
    });
    after(() => stage.close());
    tell(stage);
  });
}

export class Stage {
  /** The apps of the file's tests, and of the file. */
  apps = [];
  /** Called when the file's tests are over, last first. */
  endings = [];

  async open(settings) {
    this.settings = settings;
    this.endpoint = await Endpoint.start(this.apps);
    this.hub = await this.startHub();
  }

  /** One more hub with the same apps. */
  async startHub(more = {}) {
    return startHub({ settings: { ...this.settings, ...more }, apps: this.apps });
  }

  async close() {
    await endHosts();
    await this.hub?.end();
    await this.endpoint?.end();
    for (const end of this.endings.reverse()) await end();
  }

  /** An app of the hub, with keys of its own. */
  app(keys = {}) {
    const number = this.apps.length + 1;
    const app = { id: String(number), key: `app-key-${number}`, secret: `a secret of the tests only, number ${number}`, ...keys };
    this.apps.push(app);
    return app;
  }

  /** One test for each of the kinds, named `U26 PY3 ...`. */
  each(number, kinds, title, play, keys) {
    for (const kind of kinds) this.one(`${number} ${kind.name}`, title, (scene) => play(scene, kind), keys);
  }

  /** One test, with an app that has these keys. */
  one(number, title, play, keys = {}) {
    const app = this.app(keys);
    test(`${number} ${title}`, async () => {
      const scene = new Scene(this, app);
      try {
        await play(scene);
      } catch (error) {
        error.message += this.hub.isRunning ? '' : `\nthe hub has ended:\n${this.hub.output}`;
        throw error;
      } finally {
        await scene.end();
      }
    });
  }
}

export class Scene {
  #things = [];

  constructor(stage, app) {
    this.stage = stage;
    this.hub = stage.hub;
    this.app = app;
  }

  /** A client that has begun to connect, on a wire of its own. */
  async client(kind, name = 'somebody', options = {}) {
    const wire = options.wire ?? (await Wire.to((options.hub ?? this.hub).port));
    const client = new kind.Adapter(kind, name, wire, { app: this.app, endpoint: this.stage.endpoint.url, ...options, hub: undefined, wire: undefined });
    this.#things.push(client);
    await client.open();
    return client;
  }

  /** A client that is connected. */
  async connected(kind, name, options) {
    return (await this.client(kind, name, options)).connected();
  }

  /** A client that is subscribed to a channel; the answer is in `subscribed`. */
  async subscribed(kind, channel, options = {}, name = 'somebody') {
    const client = await this.connected(kind, name, options);
    client.subscribed = await client.subscribe(channel);
    return client;
  }

  /** A client that is a user on a presence channel. */
  member(kind, channel, id, info = undefined, options = {}) {
    const user = info === undefined ? { user_id: id } : { user_id: id, user_info: info };
    return this.subscribed(kind, channel, { user, ...options }, String(id));
  }

  /** A pusher-js client that has signed in. */
  async signed(user, options = {}, kind = JS) {
    const client = await this.connected(kind, user.id, { user, ...options });
    await client.signin();
    return client;
  }

  /** A client of the hub's own dialect, in the topic of a channel. */
  async native(name, topic) {
    const client = await new NativeClient(name, this.hub.port, this.app).connected();
    this.#things.push(client);
    client.subscribed = await client.subscribe(topic);
    return client;
  }

  /** What the app's backend uses. */
  backend(kind, options = {}) {
    return new kind.Adapter(options.app ?? this.app, { port: this.hub.port, ...options }, kind);
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
