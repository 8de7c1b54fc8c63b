// The indicator of the connection: its state in words, and when the next attempt is due.

import { byId } from './dom.js';

const WORDS = { connecting: 'Connecting', online: 'Online', stale: 'Not answering', offline: 'Offline' };

let countdown;

/** @param {import('./presence-client.js').StateDetail} detail */
export function showConnection({ state, reason, retryAt }) {
  const frame = byId('connection');
  frame.dataset.state = state;
  setText(byId('connection-text'), WORDS[state]);
  frame.title = state === 'offline' && reason ? reason : '';
  byId('reconnect').hidden = state !== 'offline';
  clearInterval(countdown);
  const tell = () => setText(byId('connection-detail'), state === 'offline' ? inSeconds(retryAt) : '');
  tell();
  if (state === 'offline' && retryAt !== null) countdown = setInterval(tell, 250);
}

function inSeconds(retryAt) {
  return retryAt === null ? '' : `next try in ${Math.max(0, Math.ceil((retryAt - Date.now()) / 1_000))} s`;
}

/** Leaves a text that is the same alone, so that screen readers do not read it again. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
