// The event tape: every change of the topic as the hub told it, newest first, with causes and revisions.

import { byId, clockTime, make } from './dom.js';
import { badgesOf, nameElement, nameOf } from './party.js';

const KEPT = 200;

/** What each cause of a leave means. */
const CAUSES = new Map([
  ['left', 'They said so.'],
  ['closed', 'The connection ended, and nobody came back within the grace.'],
  ['timed_out', 'Nothing was heard any more.'],
  ['node_lost', 'The node that held the session is gone.'],
  ['kicked', 'Somebody removed them.'],
  ['banned', 'They may not be here.'],
  ['replaced', 'A newer session took over.'],
  ['policy', 'A rule of the hub ended it.'],
]);

/** The tape. Each method writes one line. */
export class TapeView {
  #list = byId('tape');

  constructor() {
    byId('tape-clear').addEventListener('click', () => this.#list.replaceChildren());
  }

  join({ member, rev }) {
    this.#write('join', { rev }, nameElement(member.party), ' joined', ...details(badgesOf(member).map(({ label }) => label)));
  }

  update({ member, before, rev }) {
    this.#write('update', { rev }, nameElement(member.party), ...details(differences(before, member)));
  }

  leave({ member, cause, by, lastHeard, rev }) {
    const chip = cause ? [causeElement(cause)] : [];
    const remover = by ? [' by ', nameElement(by)] : [];
    const heard = lastHeard ? details([`last heard ${clockTime(new Date(lastHeard), true)}`]) : [];
    this.#write('leave', { rev }, nameElement(member.party), ' is gone ', ...chip, ...remover, ...heard);
  }

  sync({ members, resumed, rev }, topicName) {
    const text = resumed ? 'Resumed where we were' : `List of ${members.length} in `;
    this.#write('sync', { rev }, text, ...(resumed ? [] : [make('bdi', { text: topicName })]));
  }

  note(text) {
    this.#write('note', {}, text);
  }

  #write(change, { rev }, ...words) {
    const time = make('time', { text: clockTime(new Date(), true) });
    const line = make('li', { class: `line line-${change}`, 'data-change': change }, time, make('span', { class: 'line-words' }, ...words));
    if (rev !== undefined) line.append(make('span', { class: 'rev', title: 'revision of the topic', text: `r${rev}` }));
    this.#list.prepend(line);
    if (this.#list.children.length > KEPT) this.#list.lastElementChild.remove();
  }
}

function causeElement(cause) {
  return make('span', { class: 'cause', 'data-cause': cause, title: CAUSES.get(cause) ?? '', text: cause.replaceAll('_', ' ') });
}

/** What changed, as a reader would say it. */
function differences(before, member) {
  const found = [];
  if (nameOf(before.party) !== nameOf(member.party)) found.push(`was ${nameOf(before.party)}`);
  const had = new Map(badgesOf(before).map((badge) => [badge.key, badge]));
  const has = new Map(badgesOf(member).map((badge) => [badge.key, badge]));
  for (const [key, { label }] of has) if (key !== 'tabs' && !had.has(key)) found.push(`+ ${label}`);
  for (const [key, { label }] of had) if (key !== 'tabs' && !has.has(key)) found.push(`− ${label}`);
  if (before.sessions !== member.sessions) found.push(member.sessions === 1 ? '1 tab' : `${member.sessions} tabs`);
  if (found.length === 0) found.push('details changed');
  return found;
}

function details(texts) {
  return texts.length === 0 ? [] : [make('span', { class: 'details' }, ...texts.map((text) => make('span', { text })))];
}
