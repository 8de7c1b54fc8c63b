// The conversation: what was said while this page watched, who is typing, and the line to write in.

import { byId, clockTime, make } from './dom.js';
import { avatar, nameElement, nameOf } from './party.js';

const KEPT = 300;
const TYPING_MS = 3_000;
const SAME_BREATH_MS = 4 * 60_000;

/** The chat of the shown topic; what was said elsewhere is kept for the way back. */
export class ChatView {
  #kept = new Map();
  #topicName = '';
  #typists = new Map();
  #list = byId('messages');
  #empty = byId('chat-empty');

  /**
   * @param {object} acts
   * @param {(text: string) => Promise<void>} acts.say
   * @param {() => void} acts.typing
   */
  constructor({ say, typing }) {
    this.#wireComposer(say, typing);
  }

  show(topicName) {
    this.#topicName = topicName;
    byId('chat-topic').textContent = topicName;
    for (const { timer } of this.#typists.values()) clearTimeout(timer);
    this.#typists.clear();
    this.#drawTypists();
    this.#list.replaceChildren(this.#empty);
    const messages = this.#messages();
    this.#empty.hidden = messages.length > 0;
    messages.forEach((message, n) => this.#draw(message, messages[n - 1]));
  }

  /** Adds a message, unless it is one that we have (a replay may bring it again). */
  add(message) {
    this.stopTyping(message.sender._id);
    const messages = this.#messages();
    if (message.id !== undefined && messages.some(({ id }) => id === message.id)) return;
    this.#empty.hidden = true;
    this.#draw(message, messages.at(-1));
    messages.push(message);
    if (messages.length > KEPT) {
      messages.shift();
      this.#list.querySelector('.message')?.remove();
    }
  }

  typing(party) {
    clearTimeout(this.#typists.get(party._id)?.timer);
    const timer = setTimeout(() => this.stopTyping(party._id), TYPING_MS);
    this.#typists.set(party._id, { party, timer });
    this.#drawTypists();
  }

  stopTyping(id) {
    clearTimeout(this.#typists.get(id)?.timer);
    if (this.#typists.delete(id)) this.#drawTypists();
  }

  #messages() {
    if (!this.#kept.has(this.#topicName)) this.#kept.set(this.#topicName, []);
    return this.#kept.get(this.#topicName);
  }

  #draw({ id, sender, text, created, mine }, before) {
    const at = new Date(created ?? Date.now());
    const goesOn = before?.sender._id === sender._id && at - new Date(before.created ?? 0) < SAME_BREATH_MS;
    const isAtEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 60;
    const head = make('p', { class: 'message-head' }, nameElement(sender), make('time', { text: clockTime(at) }));
    const words = make('p', { class: 'message-text', dir: 'auto', text });
    const className = `message${goesOn ? ' goes-on' : ''}${mine ? ' is-mine' : ''}`;
    this.#list.append(make('article', { class: className, 'data-message': id }, avatar(sender), make('div', {}, head, words)));
    if (isAtEnd || mine) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #drawTypists() {
    const line = byId('typing');
    const parties = [...this.#typists.values()].map(({ party }) => party);
    line.classList.toggle('is-on', parties.length > 0);
    if (parties.length === 0) return line.replaceChildren();
    const dots = make('span', { class: 'dots', 'aria-hidden': 'true' }, make('i'), make('i'), make('i'));
    const names = parties.slice(0, 2).flatMap((party, n) => (n ? [' and ', nameElement(party)] : [nameElement(party)]));
    if (parties.length > 2) line.replaceChildren(dots, `${parties.length} people are typing`);
    else line.replaceChildren(dots, ...names, parties.length > 1 ? ' are typing' : ' is typing');
    line.title = parties.map(nameOf).join(', ');
  }

  #wireComposer(say, typing) {
    const form = byId('composer');
    const field = byId('composer-text');
    field.addEventListener('input', () => field.value.trim() && typing());
    field.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const text = field.value.trim();
      if (!text) return;
      field.value = '';
      const isSaid = await say(text);
      if (!isSaid && field.value === '') field.value = text;
      field.focus();
    });
  }
}
