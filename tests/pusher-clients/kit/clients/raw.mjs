// A client without a library (RAW), which writes and reads the frames itself, to see what a library would hide.

import { createHmac } from 'node:crypto';
import WebSocket from 'ws';
import { Client } from './client.mjs';

const INTERNAL = {
  'pusher_internal:subscription_succeeded': '@subscribed',
  'pusher_internal:member_added': '@added',
  'pusher_internal:member_removed': '@removed',
  'pusher_internal:subscription_count': '@count',
};

/** `protocol` (7), `user` (who it is on presence channels), `socket` (options of the WebSocket library). Frames stay in `frames` as they came. */
export class RawClient extends Client {
  frames = [];
  #socket;

  open() {
    const { app, protocol = 7, socket } = this.options;
    this.#socket = new WebSocket(`ws://127.0.0.1:${this.wire.port}/app/${app.key}?protocol=${protocol}&client=raw&version=1`, { ...socket, perMessageDeflate: false });
    this.#socket.on('message', (data) => this.#read(JSON.parse(data)));
    this.#socket.on('ping', () => this.came('@ping'));
    this.#socket.on('error', () => {});
    this.#socket.on('close', (code) => this.came('@disconnected', { code }));
  }

  #read(frame) {
    this.frames.push(frame);
    const { event, channel, data } = frame;
    if (event === 'pusher:connection_established') this.came('@connected', { socketId: JSON.parse(data).socket_id });
    else if (event === 'pusher:error') this.came('@error', data);
    else if (INTERNAL[event]) this.came(INTERNAL[event], { channel, ...opened(event, JSON.parse(data)) });
    else this.came(event, { channel, data, user: frame.user_id, id: frame.id });
  }

  /** Sends a frame as it is. */
  say(event, data, channel) {
    this.#socket.send(JSON.stringify({ event, data, channel }));
  }

  saySubscribe(channel, more = {}) {
    this.say('pusher:subscribe', { channel, ...this.signed(channel), ...more });
  }

  /** What the application would say for a channel. */
  signed(channel) {
    const { app, user } = this.options;
    if (!/^(private|presence)-/.test(channel)) return {};
    const data = channel.startsWith('presence-') ? { channel_data: JSON.stringify(user) } : {};
    const text = [this.socketId, channel, ...Object.values(data)].join(':');
    return { auth: `${app.key}:${createHmac('sha256', app.secret).update(text).digest('hex')}`, ...data };
  }

  unsubscribe(channel) {
    this.say('pusher:unsubscribe', { channel });
  }

  close() {
    this.#socket.close();
  }

  async dispose() {
    this.#socket.terminate();
    await super.dispose();
  }
}

function opened(event, data) {
  if (event.endsWith('succeeded')) return { count: data.presence?.count, ids: data.presence?.ids, resume: data.resume };
  if (event.endsWith('count')) return { count: data.subscription_count };
  return { id: data.user_id, info: data.user_info };
}
