// Company for a demonstration: guests of their own, each with a connection, who fiddle with their devices.

import { createHub } from './presence-client.js';
import { guestToken } from './identity.js';

const NAMES = ['Ada', 'Alan', 'Barbara', 'Donald', 'Dorothy', 'Edsger', 'Frances', 'Grace', 'Hedy', 'Ivan', 'Joan', 'Karen', 'Leslie'];
const ARRIVAL_MS = 60;

/** The bots of this page; they all live in one topic at a time. */
export class Bots {
  #crew = [];
  #hired = 0;
  #changed;

  /** @param {(count: number) => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  get count() {
    return this.#crew.length;
  }

  /** Lets `count` bots join, one shortly after the other. */
  async add(count, topicName) {
    for (let n = 0; n < count; n += 1) {
      this.#crew.push(new Bot(`${NAMES[this.#hired % NAMES.length]} ${this.#hired + 1}`, topicName, () => this.count));
      this.#hired += 1;
      this.#changed(this.count);
      await pause(ARRIVAL_MS);
    }
  }

  /** All bots leave, and say so. */
  async dismiss() {
    await Promise.all(this.#takeAll().map((bot) => bot.leave()));
  }

  /** All bots' connections just end: the hub must find out, and waits for its grace. */
  crash() {
    for (const bot of this.#takeAll()) bot.crash();
  }

  #takeAll() {
    const crew = this.#crew;
    this.#crew = [];
    this.#changed(0);
    return crew;
  }
}

class Bot {
  #hub;
  #topic;
  #timer;
  #crowd;

  constructor(name, topicName, crowd) {
    let token;
    this.#crowd = crowd;
    this.#hub = createHub({ token: async ({ why }) => (token = why === 'refused' || !token ? await guestToken(name) : token) });
    this.#topic = this.#hub.topic(topicName);
    this.#topic.track({ mediaSession: randomMedia() }).catch(() => {});
    this.#topic.on('removed', () => this.crash());
    this.#wiggle();
  }

  async leave() {
    clearTimeout(this.#timer);
    await this.#topic.leave().catch(() => {});
    this.#hub.close();
  }

  crash() {
    clearTimeout(this.#timer);
    this.#hub.close();
  }

  /** The more bots there are, the calmer each of them is. */
  #wiggle() {
    const rest = (2_500 + 150 * this.#crowd()) * (0.5 + Math.random());
    this.#timer = setTimeout(() => {
      const change = Math.random() < 0.15 ? { idle: Math.random() < 0.5 } : { mediaSession: randomMedia() };
      this.#topic.set(change).catch(() => {});
      this.#wiggle();
    }, rest);
  }
}

function randomMedia() {
  const chance = (probability) => Math.random() < probability;
  const media = { audio: chance(0.6), video: chance(0.4), screenshare: chance(0.1), selfMuted: chance(0.3), phone: chance(0.1) };
  return { ...media, connected: media.audio || media.video || media.screenshare || media.phone };
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
