// The list of who is here: one row a member, patched in place so that focus and motion survive a change.

import { batched, byId, icon, make } from './dom.js';
import { avatar, badgeElement, badgesOf, nameElement, nameOf, statusOf } from './party.js';

const MOST_ROWS = 250;

/** Draws a topic's members. */
export class RosterView {
  #rows = new Map();
  #list = byId('roster');
  #members = () => [];
  #ownId = () => undefined;
  #remove;

  /** @param {(member: object) => void} remove Called when somebody is to be removed. */
  constructor(remove) {
    this.#remove = remove;
  }

  /** Draws these members from now on. */
  show(members, ownId) {
    this.#members = members;
    this.#ownId = ownId;
    this.#draw();
  }

  changed = batched(() => this.#draw());

  #draw() {
    const ownId = this.#ownId();
    const members = inOrder([...this.#members()], ownId);
    const shown = members.slice(0, MOST_ROWS);
    const isShown = new Set(shown.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (isShown.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    shown.forEach((member, place) => this.#place(member, place, ownId));
    byId('people-count').textContent = String(members.length);
    byId('chat-here').textContent = `${members.length} here`;
    byId('roster-empty').hidden = members.length > 0;
    const more = members.length - shown.length;
    byId('roster-more').hidden = more <= 0;
    byId('roster-more').textContent = `and ${more} more`;
  }

  #place(member, place, ownId) {
    let row = this.#rows.get(member.id);
    if (!row) {
      row = new Row(member.id, this.#remove);
      this.#rows.set(member.id, row);
    }
    row.draw(member, member.id === ownId);
    const current = this.#list.children[place];
    if (current !== row.element) this.#list.insertBefore(row.element, current ?? null);
  }
}

class Row {
  #picture = make('span', { class: 'member-picture' });
  #words = make('span', { class: 'member-words' });
  #badges = make('span', { class: 'badges' });
  #button;
  #member;
  #drawn = { who: null, badges: null };

  constructor(id, remove) {
    this.#button = make('button', { type: 'button', class: 'remove', onclick: () => remove(this.#member) }, icon('remove'));
    this.element = make('li', { class: 'member', 'data-party': id }, this.#picture, this.#words, this.#badges, this.#button);
  }

  draw(member, isOwn) {
    this.#member = member;
    this.element.dataset.status = statusOf(member);
    this.element.dataset.sessions = String(member.sessions);
    this.element.classList.toggle('is-own', isOwn);
    this.#button.hidden = isOwn;
    this.#drawWho(member.party, isOwn);
    this.#drawBadges(badgesOf(member));
  }

  #drawWho(party, isOwn) {
    const who = JSON.stringify([party, isOwn]);
    if (this.#drawn.who === who) return;
    this.#drawn.who = who;
    this.#button.setAttribute('aria-label', `Remove ${nameOf(party)}`);
    this.#button.title = 'Remove from this room';
    this.#picture.replaceChildren(avatar(party));
    const note = isOwn ? 'you' : { anonymous: 'guest', bot: 'bot', phone: 'phone' }[party.type];
    this.#words.replaceChildren(nameElement(party), ...(note ? [make('span', { class: 'member-note', text: note })] : []));
  }

  #drawBadges(badges) {
    const drawn = JSON.stringify(badges);
    if (this.#drawn.badges === drawn) return;
    this.#drawn.badges = drawn;
    this.#badges.replaceChildren(...badges.map(badgeElement));
  }
}

/** Oneself first, then by name; the id decides between namesakes, so that nobody jumps about. */
function inOrder(members, ownId) {
  const keys = new Map(members.map((member) => [member, nameOf(member.party)]));
  return members.sort((a, b) => {
    if ((a.id === ownId) !== (b.id === ownId)) return a.id === ownId ? -1 : 1;
    return ORDER.compare(keys.get(a), keys.get(b)) || (a.id < b.id ? -1 : 1);
  });
}

const ORDER = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
