// A hub in a process of its own, on free ports.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PATIENCE, within } from './patience.mjs';

const BINARY = process.env.PRESENCE_HUB_BIN ?? fileURLToPath(new URL('../../target/debug/presence-hub', import.meta.url));

/** Lines of TOML. */
export function pairs(all) {
  return Object.entries(all).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
}

/** Starts a hub with this configuration, as TOML. Both its listeners are to be on port 0 of 127.0.0.1. */
export async function launch(configuration) {
  const folder = await mkdtemp(join(tmpdir(), 'presence-hub-tests-'));
  const file = join(folder, 'hub.toml');
  await writeFile(file, configuration, { mode: 0o600 });
  const child = spawn(BINARY, ['--config', file], { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  const hub = new Hub(child, folder);
  try {
    await hub.starts();
    return hub;
  } catch (error) {
    await hub.end();
    throw error;
  }
}

class Hub {
  #child;
  #folder;
  #ended;
  /** The last that the hub wrote, for a failure's sake. */
  output = '';

  constructor(child, folder) {
    this.#child = child;
    this.#folder = folder;
    this.#ended = new Promise((resolve) => child.once('exit', resolve));
    const keep = (chunk) => (this.output = (this.output + chunk).slice(-16_000));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
  }

  async starts() {
    const says = (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => pattern.exec(this.output)?.[1];
        const read = () => look() && resolve(Number(look()));
        this.#child.stdout.on('data', read);
        this.#child.stderr.on('data', read);
        this.#child.once('error', reject);
        this.#child.once('exit', (code) => reject(new Error(`${BINARY} ended with ${code}\n${this.output}`)));
      });
    const ports = Promise.all([says(/listens on https?:\/\/127\.0\.0\.1:(\d+)/), says(/admin[^\n]*http:\/\/127\.0\.0\.1:(\d+)/i)]);
    [this.port, this.adminPort] = await within(PATIENCE.start, () => `the hub's ports in ${this.output}`, ports);
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get admin() {
    return `http://127.0.0.1:${this.adminPort}`;
  }

  get pid() {
    return this.#child.pid;
  }

  get isRunning() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Asks the hub to go, as an operator does. */
  drain() {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }

  /** Asks the hub to go, and makes it. */
  async end() {
    if (this.isRunning && this.pid !== undefined) {
      const patience = setTimeout(() => this.#child.kill('SIGKILL'), 2_000);
      await this.drain();
      clearTimeout(patience);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The hub takes each variable of its prefix for a setting, and is to have none but those of the test. */
function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PRESENCE_HUB_')));
}
