// An application's receiver of webhooks in PubNub's format: it keeps what came, if it was signed.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Inbox } from '../../kit/inbox.mjs';

export class Receiver {
  #server;
  #boxes = new Map();

  static async start() {
    const receiver = new Receiver();
    receiver.#server = createServer((request, response) => receiver.#take(request, response));
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  /** Where posts go that are to be known by this name. */
  url(name) {
    return `http://127.0.0.1:${this.#server.address().port}/${name}`;
  }

  /** What came by this name: {headers, body}, each by its action. */
  box(name) {
    if (!this.#boxes.has(name)) this.#boxes.set(name, new Inbox(`the receiver of ${name}`));
    return this.#boxes.get(name);
  }

  async #take(request, response) {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const body = JSON.parse(text);
    this.box(request.url.slice(1)).put(body.action, { headers: request.headers, text, body });
    response.end();
  }

  async end() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Fails unless a post is signed with this secret. */
export function isSigned({ headers, text }, secret) {
  const said = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
  assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', secret).update(said).digest('base64')}`);
}
