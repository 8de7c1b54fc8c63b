// A hub of its own for a test file, on free ports.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PATIENCE, within } from './patience.mjs';
import { APP } from './token.mjs';

const BINARY = process.env.PRESENCE_HUB_BIN ?? fileURLToPath(new URL('../../../target/debug/presence-hub', import.meta.url));

export const ADMIN_TOKEN = 'the admin token of the tests';

/** Graces by the beginning of a topic's name, in milliseconds. Other topics have that of `patient`. */
export const GRACE = { brief: 400, patient: 3_000 };

/** What every hub of the tests has; a file's own settings come over it. */
const SETTINGS = {
  listen: '127.0.0.1:0',
  'admin.listen': '127.0.0.1:0',
  'admin.token': ADMIN_TOKEN,
  'log.level': 'warn',
  'presence.grace': `${GRACE.patient}ms`,
  'limits.subscribes_per_second': 1_000,
  'limits.connections_per_party': 64,
  'socketio.ping_interval': '1500ms',
  'socketio.ping_timeout': '1500ms',
};

/** Starts a hub. `settings` are keys of its configuration, `app` keys of its app. */
export async function startHub({ settings = {}, app = {} } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'presence-hub-spaces-'));
  const file = join(folder, 'hub.toml');
  await writeFile(file, configuration(settings, app), { mode: 0o600 });
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

function configuration(settings, app) {
  const pairs = (all) => Object.entries(all).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
  const { id, key, secret } = APP;
  return [
    ...pairs({ ...SETTINGS, ...settings }),
    '[[apps]]\n',
    ...pairs({ id, key, secret, leeway: '0s', ...app }),
    '[[apps.topics]]\n',
    ...pairs({ pattern: 'brief:*', grace: `${GRACE.brief}ms` }),
  ].join('');
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
    const ports = Promise.all([says(/listens on http:\/\/127\.0\.0\.1:(\d+)/), says(/admin[^\n]*http:\/\/127\.0\.0\.1:(\d+)/i)]);
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

  /** Asks the hub to go, and makes it. */
  async end() {
    if (this.isRunning && this.pid !== undefined) {
      this.#child.kill('SIGTERM');
      const patience = setTimeout(() => this.#child.kill('SIGKILL'), 2_000);
      await this.#ended;
      clearTimeout(patience);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The hub takes each variable of its prefix for a setting, and is to have none but those of the test. */
function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PRESENCE_HUB_')));
}
