// The child processes of a file, in which the SDKs live: one that fails there takes no test along.

import { fileURLToPath } from 'node:url';
import { Host } from '../../kit/host.mjs';

const folder = fileURLToPath(new URL('../', import.meta.url));
const installer = 'tests/pubnub-clients/install.sh';
const COMMANDS = {
  Py: [`${folder}.venv/bin/python`, `${folder}python/host.py`],
  Js: [process.execPath, `${folder}kit/child.mjs`],
  Rs: [`${folder}rust/target/debug/pubnub-host`],
};
COMMANDS.PyA = COMMANDS.Py;
const hosts = new Map();

/** The child that hosts a kind; one for the whole file, or one of its own. */
export function host(kind, { alone = false } = {}) {
  const [command, ...args] = COMMANDS[kind];
  const name = alone ? Symbol(kind) : `${command} ${args}`;
  if (!hosts.has(name)) hosts.set(name, new Host(command, args, { installer }));
  return hosts.get(name);
}

/** Ends the processes of the file. */
export async function endHosts() {
  await Promise.all([...hosts.values()].map((one) => one.end()));
  hosts.clear();
}
