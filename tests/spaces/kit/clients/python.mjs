// python-socketio, in a child process for each version, which hosts all of a file's clients and speaks JSON lines.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PATIENCE } from '../../../kit/patience.mjs';
import { Client, EVENTS, channel } from './client.mjs';

const folder = fileURLToPath(new URL('../../', import.meta.url));
const hosts = new Map();

/** The Python of a version's virtual environment, which `install.sh` makes. */
export const python = (version) => `${folder}.venvs/${version}/bin/python`;

class Host {
  #child;
  #clients = new Map();
  #ended;

  constructor(version) {
    this.#child = spawn(python(version), [`${folder}python/client.py`], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.once('error', (error) => {
      throw new Error(`${python(version)}: ${error.message}; run tests/spaces/install.sh`);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const { client, event, payload, sid } = JSON.parse(line);
      this.#clients.get(client)?.heard(event, payload, sid);
    });
  }

  add(client) {
    const id = `c${this.#clients.size + 1}`;
    this.#clients.set(id, client);
    return id;
  }

  say(line) {
    if (this.#child.stdin.writable) this.#child.stdin.write(`${JSON.stringify(line)}\n`);
  }

  async end() {
    this.#child.stdin.end();
    const patience = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE.event);
    await this.#ended;
    clearTimeout(patience);
  }
}

/** Ends the processes of all versions. */
export async function endPython() {
  await Promise.all([...hosts.values()].map((host) => host.end()));
  hosts.clear();
}

export class PythonClient extends Client {
  #host;
  #id;

  open() {
    const { options, kind } = this;
    if (!hosts.has(kind.name)) hosts.set(kind.name, new Host(kind.name));
    this.#host = hosts.get(kind.name);
    this.#id = this.#host.add(this);
    const { token, tokenType, query, namespace, presence, tokenIn } = options;
    const pairs = { ...query };
    if (token !== undefined && tokenIn === 'query') pairs.token = token;
    if (tokenType !== undefined && tokenIn === 'query') pairs.tokenType = tokenType;
    const transports = options.transports === 'default' ? ['polling', 'websocket'] : [options.transports];
    const auth = tokenIn === 'auth' ? { token, tokenType } : undefined;
    // The presence is said by Python itself, in the handlers of its library.
    const said = presence && { subscribe: channel(presence.topic), topic: presence.topic, content: presence.content ?? {} };
    this.#say({ do: 'connect', url: `${this.wire.url}${namespace}?${asText(pairs)}`, transports, namespace, auth, presence: said, events: EVENTS, reconnection: options.reconnection ?? true });
  }

  /** What the library's handlers were given. */
  heard(event, payload, sid) {
    if (sid !== undefined) this.sid = sid;
    if (event === '@connect') this.connects += 1;
    this.inbox.put(event, payload);
  }

  #say(line) {
    this.#host.say({ client: this.#id, ...line });
  }

  emit(event, payload) {
    this.#say(payload === undefined ? { do: 'emit', event } : { do: 'emit', event, payload });
  }

  close() {
    this.#say({ do: 'disconnect' });
  }

  async dispose() {
    this.#say({ do: 'dispose' });
    await this.next('@disposed');
    await super.dispose();
  }
}

function asText(pairs) {
  return Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join('&');
}
