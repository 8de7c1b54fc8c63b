// What is refused to who has no permission for a channel.

import { JS, RS } from './kinds.mjs';

/**
 * Calls, what they ask, and whether the SDK hands on the names that the refusal has: those for Python do not, and that for Rust does not
 * with a state.
 */
export const refused = (kind, channel) => [
  ['hereNow', { channels: [channel] }, [JS, RS].includes(kind)],
  ['publish', { channel, message: 1 }, [JS, RS].includes(kind)],
  ['setState', { channels: [channel], state: { n: 1 } }, kind === JS],
];
