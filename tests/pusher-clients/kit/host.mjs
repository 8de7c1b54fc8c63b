// A child process that hosts libraries for the tests: questions and answers as JSON lines, and lines of what came to its clients.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PATIENCE } from '../../kit/patience.mjs';

const folder = fileURLToPath(new URL('../', import.meta.url));
const hosts = new Map();

/** What a library of another process raised. */
export class Raised extends Error {
  constructor({ name, text, status }) {
    super(`${name}: ${text}`);
    Object.assign(this, { name, text, status });
  }
}

export class Host {
  #child;
  #clients = new Map();
  #answers = new Map();
  #ended;
  #asked = 0;

  constructor(command, argument, environment) {
    this.#child = spawn(command, [argument], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...environment } });
    this.#ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.once('exit', () => this.#fail(new Error(`${argument} has ended`)));
    this.#child.once('error', (error) => this.#fail(new Error(`${command}: ${error.message}; run tests/pusher-clients/install.sh`)));
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

  /** Asks for something to be done, and waits for what comes of it. */
  ask(what, more) {
    this.#asked += 1;
    const number = this.#asked;
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return reject(new Error('the child has ended'));
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

/** The child of a virtual environment, which `install.sh` makes; one for the whole file. */
export function python(version, environment = {}) {
  const name = `${version} ${JSON.stringify(environment)}`;
  if (!hosts.has(name)) hosts.set(name, new Host(`${folder}.venvs/${version}/bin/python`, `${folder}python/host.py`, environment));
  return hosts.get(name);
}

/** A child with pusher-js and the server library for Node in it; one for each call. */
export function node(environment = {}) {
  const host = new Host(process.execPath, `${folder}kit/child.mjs`, environment);
  hosts.set(Symbol('node'), host);
  return host;
}

/** Ends the processes of the file. */
export async function endHosts() {
  await Promise.all([...hosts.values()].map((host) => host.end()));
  hosts.clear();
}
