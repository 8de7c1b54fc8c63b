// What is refused to who has no permission for a channel.

import { RS } from './kinds.mjs';

/** Calls and what they ask. Rust takes the refusal of a state, which has a payload as well, for its success. */
export const refused = (kind, channel) => [
  ['hereNow', { channels: [channel] }],
  ['publish', { channel, message: 1 }],
  ...(kind === RS ? [] : [['setState', { channels: [channel], state: { n: 1 } }]]),
];
