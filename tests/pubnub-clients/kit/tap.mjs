// What an SDK says on its wire: each request in order, and whether it has been answered.

import { PATIENCE, within } from '../../kit/patience.mjs';

const REQUEST = /^(GET|POST|DELETE) (.+) HTTP\/1\.1\r\n/;

export class Tap {
  /** {method, target, at, answer, heard}: when it was said, in milliseconds of this machine; the answer is its status, once there is one, and what was heard is all of it. */
  requests = [];
  #current = new Map();
  #waiting = new Set();

  constructor(wire, owner) {
    this.owner = owner;
    wire.watch = (connection, isSaid, bytes) => (isSaid ? this.#said(connection, bytes) : this.#heard(connection, bytes));
  }

  #said(connection, bytes) {
    const [, method, target] = REQUEST.exec(bytes.toString('latin1')) ?? [];
    if (method === undefined) return;
    const request = { method, target, at: Date.now(), answer: undefined, heard: '' };
    this.requests.push(request);
    this.#current.set(connection, request);
    for (const wake of this.#waiting) wake();
  }

  #heard(connection, bytes) {
    const [, status] = /^HTTP\/1\.1 (\d+)/.exec(bytes.toString('latin1', 0, 16)) ?? [];
    const request = this.#current.get(connection);
    if (request === undefined) return;
    if (status !== undefined) request.answer = Number(status);
    request.heard += bytes.toString('utf8');
    for (const wake of this.#waiting) wake();
  }

  /** The requests whose path begins so. */
  to(...path) {
    const pattern = new RegExp(`^/${path.join('/')}`);
    return this.requests.filter(({ target }) => pattern.test(target));
  }

  /** The query of each of them. */
  queries(...path) {
    return this.to(...path).map(({ target }) => Object.fromEntries(new URL(target, 'http://hub').searchParams));
  }

  /** All of it, for a failure's sake. */
  get story() {
    const body = (heard) => heard.split('\r\n\r\n').slice(1).join('').slice(0, 400);
    return this.requests.map(({ method, target, answer, heard }) => `  ${this.owner}: ${method} ${target}\n    -> ${answer ?? 'nothing yet'} ${body(heard)}`).join('\n');
  }

  /** Waits until what is asked is so. */
  until(isSo, what) {
    if (isSo()) return Promise.resolve();
    let wake;
    const come = new Promise((resolve) => {
      wake = () => isSo() && resolve();
      this.#waiting.add(wake);
    });
    const all = () => `${what} of ${this.owner}, who said ${this.requests.slice(-8).map(({ target, answer }) => `\n  ${target} -> ${answer}`)}`;
    return within(PATIENCE.event, all, come).finally(() => this.#waiting.delete(wake));
  }

  /** Waits until its newest poll is held. */
  polls() {
    const isHeld = () => {
      const newest = this.to('v2/subscribe').at(-1);
      return newest !== undefined && newest.answer === undefined && /[?&]tt=[1-9]/.test(newest.target);
    };
    return this.until(isHeld, 'a held poll');
  }
}
