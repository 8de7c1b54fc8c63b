// The dialects that this page can speak: how it connects, which topics there are, and what cannot be said.

import { createHub } from './presence-client.js';
import { createPusherHub } from './pusher-client.js';

/** The key of the demo app, which everybody knows. */
const KEY = 'demo-key';

/**
 * @typedef {object} Dialect
 * @property {string} name
 * @property {(parts: {identity: import('./identity.js').Identity, WebSocket: typeof WebSocket}) => object} connect
 * @property {string[]} topics The topics that are always there; the first is shown unasked.
 * @property {(name: string) => boolean} isTopic Whether a topic can have this name.
 * @property {(words: string) => string} topicOf The name that somebody means who wrote this.
 * @property {boolean} hasStates Whether members can say in which state they are.
 * @property {string} absent What a page is that is not present.
 * @property {string} nobody What an empty list means.
 */

/** @type {Dialect} */
const NATIVE = {
  name: 'native',
  connect: ({ identity, WebSocket }) => createHub({ token: (request) => identity.token(request), WebSocket }),
  // The last one can also be joined by Pusher clients, whose presence topics must be called so.
  topics: ['lobby', 'kitchen', 'presence-room-1'],
  isTopic: (name) => {
    const bytes = new TextEncoder().encode(name).length;
    return bytes >= 1 && bytes <= 256 && !/[\u0000-\u001f\u007f-\u009f]/.test(name) && !name.endsWith('-pnpres');
  },
  topicOf: (words) => words,
  hasStates: true,
  absent: 'watching only',
  nobody: 'Nobody is here. You are watching; nobody sees you.',
};

/** @type {Dialect} */
const PUSHER = {
  name: 'pusher',
  connect: ({ identity, WebSocket }) =>
    createPusherHub({ key: KEY, authorize: (socketId, channel) => identity.signature(socketId, channel), WebSocket }),
  topics: ['presence-room-1', 'presence-room-2'],
  isTopic: (name) => /^presence-[\w\-=@,.;]{1,191}$/.test(name) && !name.endsWith('-pnpres'),
  topicOf: (words) => (words.startsWith('presence-') ? words : `presence-${words}`),
  hasStates: false,
  absent: 'not subscribed',
  nobody: 'Whoever is not subscribed sees nobody.',
};

/** The dialect that the address names. */
export const DIALECT = new URL(location.href).searchParams.get('dialect') === PUSHER.name ? PUSHER : NATIVE;

/** Sets the links to the page in each dialect, with the topic that is shown if it can be called so there. */
export function drawDialects(topicName) {
  for (const dialect of [NATIVE, PUSHER]) {
    const link = document.getElementById(`dialect-${dialect.name}`);
    const { searchParams } = new URL(location.href);
    searchParams.delete('dialect');
    if (dialect === PUSHER) searchParams.set('dialect', dialect.name);
    const query = searchParams.size > 0 ? `?${searchParams}` : '';
    link.href = `/${query}#${encodeURIComponent(dialect.isTopic(topicName) ? topicName : dialect.topics[0])}`;
    if (dialect === DIALECT) link.setAttribute('aria-current', 'page');
  }
}
