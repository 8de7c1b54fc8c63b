// Many small clients: only a WebSocket each, frames by hand, nothing kept but what came last and how many members were added.

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import WebSocket from 'ws';
import { PATIENCE, within } from '../../kit/patience.mjs';

const ADDED = '{"event":"pusher_internal:member_added"';
const SUBSCRIBED = '{"event":"pusher_internal:subscription_succeeded"';

/** One member of a presence channel. */
export class Extra {
  /** How many frames said that somebody was added. */
  added = 0;
  #awaited = new Map();

  static async connect(hub, app, id) {
    const extra = new Extra();
    extra.app = app;
    extra.id = id;
    extra.socket = new WebSocket(`ws://127.0.0.1:${hub.port}/app/${app.key}?protocol=7`, { perMessageDeflate: false });
    extra.socket.on('message', (data) => extra.#read(data));
    extra.socket.on('error', () => {});
    const [first] = await once(extra.socket, 'message');
    extra.socketId = JSON.parse(JSON.parse(first).data).socket_id;
    return extra;
  }

  /** Looks at as little of a frame as tells what it is. */
  #read(data) {
    const head = data.toString('latin1', 0, SUBSCRIBED.length);
    if (head.startsWith(ADDED)) this.added += 1;
    for (const begin of this.#awaited.keys()) if (head.startsWith(begin)) this.#awaited.get(begin)();
  }

  #come(begin) {
    const come = new Promise((resolve) => this.#awaited.set(begin, resolve));
    return within(2 * PATIENCE.leave, () => `${begin} for ${this.id}`, come).finally(() => this.#awaited.delete(begin));
  }

  subscribe(channel) {
    const user = JSON.stringify({ user_id: this.id });
    const signature = createHmac('sha256', this.app.secret).update(`${this.socketId}:${channel}:${user}`).digest('hex');
    const come = this.#come(SUBSCRIBED);
    this.#say('pusher:subscribe', { channel, auth: `${this.app.key}:${signature}`, channel_data: user });
    return come;
  }

  /** Waits until it has heard what the hub has said before. */
  async fence() {
    for (let n = 0; n < 2; n += 1) {
      const come = this.#come(SUBSCRIBED);
      this.#say('pusher:subscribe', { channel: `fence-${n}` });
      await come;
      this.#say('pusher:unsubscribe', { channel: `fence-${n}` });
    }
  }

  #say(event, data) {
    this.socket.send(JSON.stringify({ event, data }));
  }

  async dispose() {
    this.socket.terminate();
  }
}
