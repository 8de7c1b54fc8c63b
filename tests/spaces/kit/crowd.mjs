// Many small clients: only a WebSocket each, frames by hand, nothing kept but counts.

import { once } from 'node:events';
import WebSocket from 'ws';
import { PATIENCE, within } from '../../kit/patience.mjs';

const CHAT = '/chat,';

/** One client. `framing` is 3 or 4 (Engine.IO) or `ws`. */
export class Extra {
  #answers = new Map();
  isClosedByHub = false;

  static async connect(hub, framing, token) {
    const extra = new Extra();
    extra.framing = framing;
    const path = framing === 'ws' ? `/ws?token=${token}` : `/socket.io/?EIO=${framing}&transport=websocket&token=${token}`;
    extra.socket = new WebSocket(`ws://127.0.0.1:${hub.port}${path}`, { perMessageDeflate: false });
    extra.socket.on('message', (data) => extra.#read(data));
    extra.socket.on('close', () => {
      extra.isClosedByHub = !extra.isGoing;
      for (const { reject } of extra.#answers.values()) reject(new Error('closed'));
    });
    const entered = extra.#answer('entered');
    entered.catch(() => {});
    await once(extra.socket, 'open');
    await entered;
    return extra;
  }

  /** Looks at as little of a frame as tells what it is. */
  #read(data) {
    const head = data.toString('latin1', 0, 64);
    if (this.framing === 4 && head === '2') this.socket.send('3');
    else if (this.framing === 4 && head.startsWith('0{')) this.socket.send(`40${CHAT}`);
    else if (this.framing === 3 && head === '40') this.socket.send(`40${CHAT}`);
    else if (head.startsWith('40/chat') || head.startsWith('{"event":"AUTHENTICATED"')) this.#came('entered');
    else if (head.includes('"CHANNEL_SUBSCRIBED"')) this.#came('subscribed', data);
    else if (head.includes('"CHANNEL_UNSUBSCRIBED"')) this.#came('unsubscribed');
    else if (head.includes('PRESENCE')) this.heard?.(data);
  }

  #came(what, data) {
    this.#answers.get(what)?.resolve(data);
    this.#answers.delete(what);
  }

  #answer(what) {
    const come = new Promise((resolve, reject) => this.#answers.set(what, { resolve, reject }));
    return within(PATIENCE.leave, () => `to be ${what}`, come);
  }

  emit(event, payload) {
    this.socket.send(this.framing === 'ws' ? JSON.stringify({ event, payload }) : `42${CHAT}${JSON.stringify([event, payload])}`);
  }

  /** The payload of a frame. */
  payload(data) {
    return this.framing === 'ws' ? JSON.parse(data).payload : JSON.parse(String(data).slice(2 + CHAT.length))[1];
  }

  async subscribe(topic) {
    const answer = this.#answer('subscribed');
    this.emit('SUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: topic } });
    return this.payload(await answer);
  }

  async unsubscribe(topic) {
    const answer = this.#answer('unsubscribed');
    this.emit('UNSUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: topic } });
    await answer;
  }

  online(topic) {
    const mediaSession = { audio: false, connected: false, phone: false, screenshare: false, selfMuted: true, video: false };
    this.emit('SEND_PRESENCE_EVENT', { category: 'app.event.presence.party.online', topicId: topic, content: { desktop: false, idle: false, mediaSession, offline: false, role: 'member' } });
  }

  /** Keeps an Engine.IO 3 connection alive. */
  ping() {
    if (this.framing === 3 && this.socket.readyState === WebSocket.OPEN) this.socket.send('2');
  }

  close() {
    this.isGoing = true;
    this.socket.close();
  }

  /** Drops the connection without a word. */
  drop() {
    this.isGoing = true;
    this.socket.terminate();
  }
}
