// The child processes of a file: Python's virtual environments, and pusher-js where the process itself is what matters.

import { fileURLToPath } from 'node:url';
import { Host } from '../../kit/host.mjs';

const folder = fileURLToPath(new URL('../', import.meta.url));
const installer = 'tests/pusher-clients/install.sh';
const hosts = new Map();

/** The child of a virtual environment, which `install.sh` makes; one for the whole file. */
export function python(version, environment = {}) {
  const name = `${version} ${JSON.stringify(environment)}`;
  if (!hosts.has(name)) hosts.set(name, new Host(`${folder}.venvs/${version}/bin/python`, [`${folder}python/host.py`], { environment, installer }));
  return hosts.get(name);
}

/** A child with pusher-js and the server library for Node in it; one for each call. */
export function node(environment = {}) {
  const host = new Host(process.execPath, [`${folder}kit/child.mjs`], { environment, installer });
  hosts.set(Symbol('node'), host);
  return host;
}

/** Ends the processes of the file. */
export async function endHosts() {
  await Promise.all([...hosts.values()].map((host) => host.end()));
  hosts.clear();
}
