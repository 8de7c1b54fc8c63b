// A child process that hosts libraries for the tests: questions and answers as JSON lines, and lines of what came to its clients.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { PATIENCE } from './patience.mjs';

/** What a library of another process raised: `name`, `text`, and whatever else its host says of it. */
export class Raised extends Error {
  constructor({ name, text, ...more }) {
    super(`${name}: ${text}`);
    Object.assign(this, more, { name, text });
  }
}

export class Host {
  #child;
  #clients = new Map();
  #answers = new Map();
  #ended;
  #asked = 0;

  /** Starts a command. `installer` is what makes it, for who has not. */
  constructor(command, args, { environment = {}, installer } = {}) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...environment } });
    this.#ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.once('exit', (code, signal) => this.#fail(new Error(`${[command, ...args].join(' ')} has ended with ${code ?? signal}`)));
    this.#child.once('error', (error) => this.#fail(new Error(`${command}: ${error.message}; run ${installer}`)));
    this.#child.stdin.on('error', () => {});
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#read(line));
  }

  #read(line) {
    const { answers, client, event, payload, result, raised } = JSON.parse(line);
    if (answers === undefined) return this.#clients.get(client)?.came(event, payload);
    const { resolve, reject } = this.#answers.get(answers);
    this.#answers.delete(answers);
    if (raised) reject(new Raised(raised));
    else resolve(result);
  }

  #fail(error) {
    for (const { reject } of this.#answers.values()) reject(error);
    this.#answers.clear();
  }

  /** Gives a client a name in the child, and what comes to it from there. */
  add(client) {
    const name = `c${this.#clients.size + 1}`;
    this.#clients.set(name, client);
    return name;
  }

  get isRunning() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Asks for something to be done, and waits for what comes of it. */
  ask(what, more) {
    this.#asked += 1;
    const number = this.#asked;
    return new Promise((resolve, reject) => {
      if (!this.isRunning) return reject(new Error('the child has ended'));
      this.#answers.set(number, { resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ number, do: what, ...more })}\n`);
    });
  }

  signal(name) {
    this.#child.kill(name);
  }

  async end() {
    this.#child.stdin.end();
    const patience = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE.event);
    await this.#ended;
    clearTimeout(patience);
  }
}
