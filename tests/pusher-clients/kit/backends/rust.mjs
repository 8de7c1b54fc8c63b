// The crate `pusher`, in a process for each time that it is asked.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const BINARY = fileURLToPath(new URL('../../rust/target/debug/presence-hub-pusher-rust', import.meta.url));

/** Has it trigger three events on channels, and says which ids it was given for each; `null` is none. */
export async function triggerThrice({ id, key, secret }, port, channels) {
  const { stdout } = await promisify(execFile)(BINARY, [`127.0.0.1:${port}`, id, key, secret, ...channels]);
  return stdout.trim().split('\n').map((line) => JSON.parse(line));
}
