// The "Break things" panel: faults of this tab's network, and crowds of bots.

import { byId } from './dom.js';

const CUT_S = 10;
const FREEZE_S = 20;

/**
 * Wires the panel.
 * @param {object} parts
 * @param {ReturnType<import('./breaker.js').createBreaker>} parts.breaker
 * @param {import('./presence-client.js').Hub} parts.hub
 * @param {import('./bots.js').Bots} parts.bots
 * @param {() => string} parts.topicName Where bots go.
 * @param {(text: string) => void} parts.note Writes to the tape.
 * @param {(error: Error) => void} parts.failed
 */
export function wireFaults(parts) {
  wireCuts(parts);
  wireFreeze(parts);
  wireBots(parts);
}

/** Shows how many bots there are. */
export function showBots(count) {
  byId('bot-count').textContent = count === 0 ? 'No bots yet.' : `${count} bots, each on its own connection.`;
  for (const id of ['bots-dismiss', 'bots-crash']) byId(id).disabled = count === 0;
}

function wireCuts({ breaker, hub, note }) {
  const short = byId('cut-short');
  const toggle = byId('cut');
  let ending;
  const cut = (text) => {
    note(text);
    breaker.cut();
    toggle.textContent = 'Restore';
    toggle.setAttribute('aria-pressed', 'true');
    short.disabled = true;
  };
  const mend = () => {
    ending?.();
    ending = undefined;
    note('Network restored');
    breaker.mend();
    hub.connect();
    toggle.textContent = 'Cut';
    toggle.setAttribute('aria-pressed', 'false');
    short.disabled = false;
  };
  toggle.addEventListener('click', () => (breaker.isCut ? mend() : cut('Network cut')));
  short.addEventListener('click', () => {
    cut(`Network cut for ${CUT_S} s`);
    ending = countDown(CUT_S, (left) => (toggle.textContent = `Restore (${left})`), mend);
  });
}

function wireFreeze({ breaker, note }) {
  const button = byId('freeze');
  const label = button.lastChild;
  const rest = label.data;
  let ending;
  const thaw = () => {
    ending?.();
    note('Thawed: what was held back is handled now');
    breaker.thaw();
    label.data = rest;
    button.setAttribute('aria-pressed', 'false');
  };
  button.addEventListener('click', () => {
    if (breaker.isFrozen) return thaw();
    note(`Frozen for ${FREEZE_S} s: nothing is read, nothing is sent`);
    breaker.freeze();
    button.setAttribute('aria-pressed', 'true');
    ending = countDown(FREEZE_S, (left) => (label.data = `Thaw (${left})`), thaw);
  });
}

function wireBots({ bots, topicName, failed }) {
  const add = (count) => bots.add(count, topicName()).catch(failed);
  byId('bots-few').addEventListener('click', () => add(5));
  byId('bots-many').addEventListener('click', () => add(50));
  byId('bots-dismiss').addEventListener('click', () => bots.dismiss().catch(failed));
  byId('bots-crash').addEventListener('click', () => bots.crash());
}

/** Counts seconds down; returns what stops it. */
function countDown(seconds, tell, done) {
  let left = seconds;
  tell(left);
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) return tell(left);
    clearInterval(timer);
    done();
  }, 1_000);
  return () => clearInterval(timer);
}
