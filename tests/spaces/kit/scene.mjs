// What a test plays on: a hub of the file, people, topics nobody else uses, clients that are ended when the test is over.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { endPython } from './clients/python.mjs';
import { ADMIN_TOKEN, startHub } from './hub.mjs';
import { mint } from './token.mjs';
import { Wire } from '../../kit/wire.mjs';

/** How many tests of a file are on their way at once. */
const ABREAST = 6;

let count = 0;

/** A file's tests, with a hub. `tell` is given a stage. */
export function suite(name, tell, { settings, app, abreast = ABREAST } = {}) {
  describe(name, { concurrency: abreast }, () => {
    const stage = new Stage();
    before(async () => {
      // Tests of a file that has no hub would all be called cancelled, and the reason lost.
      stage.hub = await startHub({ settings, app }).catch((error) => {
        process.stderr.write(`${error.stack}\n`);
        throw error;
      });
    });
    after(async () => {
      await endPython();
      await stage.hub?.end();
    });
    tell(stage);
  });
}

class Stage {
  /** One test for each of the kinds, named `S26 J17 ...`. */
  each(number, kinds, title, play) {
    for (const kind of kinds) this.one(`${number} ${kind.name}`, title, (scene) => play(scene, kind));
  }

  /** One test. */
  one(number, title, play) {
    test(`${number} ${title}`, async () => {
      const scene = new Scene(this.hub);
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
  #clients = [];
  #number;

  constructor(hub) {
    this.hub = hub;
    count += 1;
    this.#number = count;
    /** A topic nobody else uses, with the usual grace. */
    this.topic = `room-${count}`;
    /** The same with a short grace. */
    this.brief = `brief:${count}`;
  }

  /** Somebody, with a token. `anonymous` is a guest. */
  person(name, { anonymous = false, life, ...claims } = {}) {
    const id = `${name}-${this.#number}`;
    const identity = anonymous ? { anonymous_id: id } : { sub: id };
    const all = { ...identity, displayname: `${name} of ${this.#number}`, username: `${id}@example.test`, picture_url: `https://pictures.example.test/${id}`, ...claims };
    return { id, token: mint(all, { life }), claims: all };
  }

  /** A client that has begun to connect, on a wire of its own. */
  async client(kind, person, options = {}) {
    const wire = await Wire.to(this.hub.port);
    const client = new kind.Adapter(kind, typeof person === 'string' ? this.person(person) : person, wire, options);
    this.#clients.push(client);
    client.open();
    return client;
  }

  /** A client that is connected. */
  async connected(kind, person, options) {
    return (await this.client(kind, person, options)).connected();
  }

  /** A client that is connected and subscribed; the answer is in `subscribed`. */
  async subscribed(kind, person, topic = this.topic, options = {}) {
    const client = await this.connected(kind, person, options);
    client.subscribed = await client.subscribe(topic);
    return client;
  }

  /** A client that is a member; nothing that came of it is left in its inbox. */
  async member(kind, person, topic = this.topic, content = {}, options = {}) {
    const client = await this.subscribed(kind, person, topic, options);
    client.echo = await client.online(topic, content);
    return client;
  }

  /** A call of the REST interface. `as` is a person, or an Authorization header. */
  async rest(method, path, { as, body, headers = {}, form } = {}) {
    const authorization = typeof as === 'string' ? as : as && `jwt ${as.token}`;
    const all = { ...headers };
    if (authorization) all.authorization = authorization;
    if (body !== undefined) all['content-type'] ??= 'application/json';
    const payload = form ? new URLSearchParams(form) : body === undefined ? undefined : JSON.stringify(body);
    const response = await fetch(this.hub.url + path, { method, headers: all, body: payload });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, get body() { return JSON.parse(text); } };
  }

  /** An admin call. */
  async admin(method, path) {
    return fetch(this.hub.admin + path, { method, headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  }

  /** A space of somebody's, with a password if one is given. Gives its id. */
  async space(owner, { title = 'A space', password } = {}) {
    const invite = await this.rest('POST', '/api/spaces/invite', { as: owner, body: { topic: { id: null, title, type: 'group' }, invitees: [] } });
    assert.equal(invite.status, 200, invite.text);
    const id = invite.body.data[0].topicId;
    if (password !== undefined) {
      const change = await this.rest('POST', `/api/spaces/${id}`, { as: owner, body: { password } });
      assert.equal(change.status, 200, change.text);
    }
    return id;
  }

  async end() {
    await Promise.all(this.#clients.map((client) => client.dispose()));
  }
}
