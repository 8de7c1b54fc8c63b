// Engine.IO by hand: single frames on a WebSocket, single polls and posts, to see what a library would hide.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import WebSocket from 'ws';
import { Inbox } from '../../kit/inbox.mjs';
import { PATIENCE } from '../../kit/patience.mjs';

const SEPARATOR = '\x1e';

/** A query string of Engine.IO; a pair that is undefined is left out. */
export function query(pairs) {
  const given = Object.entries(pairs).filter(([, value]) => value !== undefined);
  return `/socket.io/?${new URLSearchParams(given)}`;
}

/** A WebSocket whose frames are taken one by one. */
export class Frames {
  constructor(hub, pairs, headers = {}) {
    this.inbox = new Inbox(`the frames of ${JSON.stringify({ ...pairs, token: undefined })}`);
    this.socket = new WebSocket(`ws://127.0.0.1:${hub.port}${query({ transport: 'websocket', ...pairs })}`, { headers });
    this.socket.on('open', () => this.inbox.put('open'));
    /** Whether the handshake is served. */
    this.isLetIn = new Promise((resolve) => this.socket.on('open', () => resolve(true)).on('close', () => resolve(false)));
    this.socket.on('message', (data, isBinary) => this.inbox.put('frame', isBinary ? data : String(data)));
    this.socket.on('unexpected-response', (_, response) => {
      this.inbox.put('refused', response.statusCode);
      this.socket.terminate();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', (code) => this.inbox.put('closed', code));
  }

  /** Opens, and takes the open packet. */
  static async open(hub, pairs, headers) {
    const frames = new Frames(hub, pairs, headers);
    frames.opened = JSON.parse((await frames.next(/^0\{/)).slice(1));
    return frames;
  }

  /** Opens and enters `/chat`. */
  static async enter(hub, eio, token) {
    const frames = await Frames.open(hub, { EIO: eio, token });
    if (eio === 3) assert.equal(await frames.next(), '40');
    frames.send('40/chat,');
    frames.entered = await frames.next();
    assert.match(frames.entered, /^40\/chat/);
    return frames;
  }

  send(...frames) {
    for (const frame of frames) this.socket.send(frame);
  }

  /** The next frame that is like the pattern; what came before stays. */
  next(pattern = () => true, patience = undefined) {
    return this.inbox.next('frame', pattern, patience);
  }

  /** The close code, once it is closed. */
  closed(patience = PATIENCE.event) {
    return this.inbox.next('closed', undefined, patience);
  }

  /** The status with which the handshake was refused. */
  refused() {
    return this.inbox.next('refused');
  }

  get isOpen() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** Says an event, and takes the next one of that name in answer. */
  async ask(event, payload, answer) {
    this.send(`42/chat,${JSON.stringify([event, payload])}`);
    return JSON.parse((await this.next((frame) => typeof frame === 'string' && frame.startsWith(`42/chat,["${answer}"`))).slice(8))[1];
  }

  /** Subscribes to a channel. */
  subscribe(topic) {
    return this.ask('SUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: topic } }, 'CHANNEL_SUBSCRIBED');
  }

  end() {
    this.socket.terminate();
  }
}

/** A session of long polling. */
export class Polling {
  constructor(hub, pairs) {
    this.hub = hub;
    this.pairs = { transport: 'polling', ...pairs };
  }

  /** Opens a session; the packets that came with the open packet are in `first`. */
  static async open(hub, pairs) {
    const polling = new Polling(hub, pairs);
    const { status, packets } = await polling.poll();
    assert.equal(status, 200);
    polling.opened = JSON.parse(packets[0].slice(1));
    polling.first = packets.slice(1);
    polling.pairs = { ...polling.pairs, sid: polling.opened.sid };
    return polling;
  }

  /** Opens a session and enters `/chat`. */
  static async enter(hub, eio, token) {
    const polling = await Polling.open(hub, { EIO: eio, token });
    assert.deepEqual(await polling.post('40/chat,'), { status: 200, text: 'ok' });
    await polling.until(/^40\/chat/);
    return polling;
  }

  /** One GET. */
  async poll() {
    const response = await fetch(this.hub.url + query(this.pairs));
    const text = await response.text();
    const packets = response.status === 200 ? this.unpack(text) : [];
    return { status: response.status, headers: response.headers, text, packets };
  }

  /** Polls until a packet is like the pattern; gives it. Pings are answered. */
  async until(pattern) {
    for (;;) {
      const found = (this.first ?? []).find((packet) => pattern.test(packet));
      if (found !== undefined) {
        this.first = this.first.filter((packet) => packet !== found);
        return found;
      }
      const { status, packets, text } = await this.poll();
      assert.equal(status, 200, text);
      if (packets.includes('2') && this.pairs.EIO === 4) await this.post('3');
      this.first = [...(this.first ?? []), ...packets];
    }
  }

  /** One POST of packets. */
  post(...packets) {
    return this.postText(this.pack(packets));
  }

  async postText(body, type = 'text/plain;charset=UTF-8') {
    const response = await fetch(this.hub.url + query(this.pairs), { method: 'POST', body, headers: { 'content-type': type } });
    return { status: response.status, text: await response.text() };
  }

  /** The status of a POST on a TCP connection of its own, of which the hub may have had enough before it ends. */
  postAlone(body) {
    return new Promise((resolve, reject) => {
      const post = request(this.hub.url + query(this.pairs), { method: 'POST', agent: false }, (response) => resolve(response.resume().statusCode));
      post.on('error', reject);
      post.end(body);
    });
  }

  pack(packets) {
    return this.pairs.EIO === 4 ? packets.join(SEPARATOR) : packets.map((packet) => `${packet.length}:${packet}`).join('');
  }

  /** Packets of a payload. Engine.IO 3 counts UTF-16 units, as JavaScript does. */
  unpack(text) {
    if (this.pairs.EIO === 4) return text.split(SEPARATOR);
    const packets = [];
    for (let rest = text; rest !== ''; ) {
      const [, digits] = /^(\d+):/.exec(rest) ?? assert.fail(`${rest} does not begin with a length`);
      const begin = digits.length + 1;
      const end = begin + Number(digits);
      assert.ok(rest.length >= end, `${rest} is shorter than it says`);
      packets.push(rest.slice(begin, end));
      rest = rest.slice(end);
    }
    return packets;
  }
}
