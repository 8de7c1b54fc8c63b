// An application's receiver of webhooks: it keeps what came and how, and takes it, or does not when it is told so.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { Inbox } from '../../kit/inbox.mjs';
import { NodeBackend } from './backends/node.mjs';

export class Receiver {
  #server;
  #boxes = new Map();

  static async start(apps) {
    const receiver = new Receiver();
    receiver.#server = createServer((request, response) => receiver.#take(apps, request, response));
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  /** Where the posts of an app go. */
  url({ id }) {
    return `http://127.0.0.1:${this.#server.address().port}/${id}`;
  }

  /** What came of an app. */
  box({ id }) {
    if (!this.#boxes.has(id)) this.#boxes.set(id, new Box(id));
    return this.#boxes.get(id);
  }

  async #take(apps, request, response) {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const app = apps.find(({ id }) => `/${id}` === request.url);
    const isTaken = this.box(app).take(app, request.headers, body);
    response.writeHead(isTaken ? 200 : 500).end();
  }

  async end() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Everything that came of one app. Events are in `inbox` by their names, when their post was taken; a post that was not is `@refused`. */
class Box {
  /** Every post, in order: {headers, body, time_ms, events, isTaken, at}. */
  posts = [];
  /** How many posts are still to be answered with 500. */
  refusals = 0;
  /** Until when every post is answered with 500, as `performance.now()` counts. */
  refusesUntil = 0;

  constructor(id) {
    this.inbox = new Inbox(`the receiver of app ${id}`);
  }

  take(app, headers, body) {
    // The library for Node says whether a post is the hub's; nothing else is looked at.
    const told = new NodeBackend(app, { port: 0 }).webhook(headers, body);
    const at = performance.now();
    const isTaken = this.refusals === 0 && at >= this.refusesUntil;
    if (this.refusals > 0) this.refusals -= 1;
    const post = { headers, body, isTaken, at, ...told };
    this.posts.push(post);
    if (told === null) this.inbox.put('@forged', post);
    else if (isTaken) for (const event of told.events) this.inbox.put(event.name, { ...event, post });
    else this.inbox.put('@refused', post);
    return isTaken;
  }

  async next(name, pattern, patience) {
    const { post, ...event } = await this.inbox.next(name, pattern, patience);
    return event;
  }

  /** What came of a channel, in order: names, with the user's id if there is one. */
  of(channel) {
    const told = this.inbox.history.filter(({ payload }) => payload.channel === channel);
    return told.map(({ event, payload }) => (payload.user_id === undefined ? event : `${event} ${payload.user_id}`));
  }
}
