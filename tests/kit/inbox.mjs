// What came to a client, kept in order until a test takes it.

import { inspect } from 'node:util';
import { isLike } from './like.mjs';
import { PATIENCE, within } from './patience.mjs';

export class Inbox {
  #arrivals = [];
  #waiting = new Set();
  /** Everything that ever came, whatever was taken. */
  history = [];

  constructor(owner) {
    this.owner = owner;
  }

  /** Keeps what came. Names of the library's own events begin with `@`. */
  put(event, payload) {
    this.#arrivals.push({ event, payload });
    this.history.push({ event, payload });
    for (const wake of this.#waiting) wake();
  }

  /** Takes the first arrival of this name that is like the pattern; waits for it when it has not come. What came before it stays. */
  async next(event, pattern = () => true, patience = PATIENCE.event) {
    const found = () => {
      const at = this.#arrivals.findIndex((one) => one.event === event && isLike(one.payload, pattern));
      return at === -1 ? undefined : this.#arrivals.splice(at, 1)[0];
    };
    return (await this.#when(found, () => `${event} like ${inspect(pattern, { depth: 5 })}`, patience)).payload;
  }

  /** Takes everything that came. */
  take() {
    return this.#arrivals.splice(0);
  }

  /** Everything that came and was not taken, which stays. */
  get arrivals() {
    return [...this.#arrivals];
  }

  #when(found, what, patience) {
    const atOnce = found();
    if (atOnce !== undefined) return Promise.resolve(atOnce);
    let wake;
    const come = new Promise((resolve) => {
      wake = () => {
        const value = found();
        if (value === undefined) return;
        this.#waiting.delete(wake);
        resolve(value);
      };
      this.#waiting.add(wake);
    });
    const all = () => `${what()} for ${this.owner}, who has ${inspect(this.#arrivals.slice(-20), { depth: 5, breakLength: 200 })}`;
    return within(patience, all, come).finally(() => this.#waiting.delete(wake));
  }
}
