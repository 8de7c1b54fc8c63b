// A hub of its own for a test file, on free ports, with as many apps as the file wants.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PATIENCE, within } from '../../spaces/kit/patience.mjs';

const BINARY = process.env.PRESENCE_HUB_BIN ?? fileURLToPath(new URL('../../../target/debug/presence-hub', import.meta.url));

/** What every hub of the tests has; a file's own settings come over it. */
const SETTINGS = {
  listen: '127.0.0.1:0',
  'admin.listen': '127.0.0.1:0',
  'log.level': 'warn',
  'limits.subscribes_per_second': 1_000,
  'limits.connections_per_party': 64,
};

/** What every app of the tests has. */
const PUSHER = { client_events: true, subscription_count: true, watchlist: true };

/** Starts a hub. `apps` are lists of keys: those of the app, `pusher` its keys of the dialect, `webhooks` its endpoints. */
export async function startHub({ settings = {}, apps = [] } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'presence-hub-pusher-'));
  const file = join(folder, 'hub.toml');
  await writeFile(file, configuration(settings, apps), { mode: 0o600 });
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

function configuration(settings, apps) {
  const pairs = (all) => Object.entries(all).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
  const app = ({ pusher, webhooks = [], ...keys }) => [
    '[[apps]]\n',
    ...pairs(keys),
    '[apps.pusher]\n',
    ...pairs({ ...PUSHER, ...pusher }),
    ...webhooks.flatMap((webhook) => ['[[apps.webhooks]]\n', ...pairs(webhook)]),
  ];
  return [...pairs({ ...SETTINGS, ...settings }), ...apps.flatMap(app)].join('');
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
    const port = new Promise((resolve, reject) => {
      const look = () => /listens on https?:\/\/127\.0\.0\.1:(\d+)/.exec(this.output)?.[1];
      const read = () => look() && resolve(Number(look()));
      this.#child.stdout.on('data', read);
      this.#child.stderr.on('data', read);
      this.#child.once('error', reject);
      this.#child.once('exit', (code) => reject(new Error(`${BINARY} ended with ${code}\n${this.output}`)));
    });
    this.port = await within(PATIENCE.start, () => `the hub's port in ${this.output}`, port);
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
