// Which topic is shown: the part of the address after `#`, and the list of topics to go to.

import { DIALECT } from './dialects.js';
import { byId, make } from './dom.js';

const KEY = 'presence-hub.topics';
const MOST_VISITED = 5;

/** The topic that the address names; the first one if it names none, or one that no hub would take. */
export function topicOfAddress() {
  let name = '';
  try {
    name = decodeURIComponent(location.hash.slice(1));
  } catch {
    // A broken escape is no name.
  }
  return DIALECT.isTopic(name) ? name : DIALECT.topics[0];
}

/** Draws the list, and calls `changed` with each new topic. */
export function watchTopics(changed) {
  addEventListener('hashchange', () => {
    drawTopics();
    changed(topicOfAddress());
  });
  byId('topic-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const field = byId('topic-name');
    const words = field.value.trim();
    const name = DIALECT.topicOf(words);
    field.setCustomValidity(words === '' || DIALECT.isTopic(name) ? '' : 'No room can be called that here.');
    if (!field.reportValidity() || words === '') return;
    field.value = '';
    location.hash = encodeURIComponent(name);
  });
  byId('topic-name').addEventListener('input', ({ target }) => target.setCustomValidity(''));
  drawTopics();
}

function drawTopics() {
  const shown = topicOfAddress();
  const visited = remember(shown);
  const links = [...new Set([...DIALECT.topics, ...visited])].map((name) => {
    const link = make('a', { href: `#${encodeURIComponent(name)}`, 'aria-current': name === shown && 'page' });
    link.append(make('bdi', { text: name }));
    return make('li', {}, link);
  });
  byId('topic-list').replaceChildren(...links);
}

/** The topics visited of late, with this one among them. */
function remember(name) {
  let visited = [];
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    if (Array.isArray(kept)) visited = kept.filter((other) => typeof other === 'string' && DIALECT.isTopic(other));
    if (!DIALECT.topics.includes(name)) visited = [name, ...visited.filter((other) => other !== name)].slice(0, MOST_VISITED);
    sessionStorage.setItem(KEY, JSON.stringify(visited));
  } catch {
    // Without storage the list is what it always is.
  }
  return visited;
}
