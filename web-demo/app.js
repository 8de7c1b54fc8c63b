// The demo page: wires the hub to the views. Each view draws one thing; only this file knows them all.

import { watchActivity } from './activity.js';
import { Bots } from './bots.js';
import { createBreaker } from './breaker.js';
import { ChatView } from './chat.js';
import { showConnection } from './connection.js';
import { ALL_OFF, DevicesView } from './devices.js';
import { DIALECT, drawDialects } from './dialects.js';
import { announce, batched, byId } from './dom.js';
import { showBots, wireFaults } from './faults.js';
import { addressOfSomebodyElse, Identity } from './identity.js';
import { avatar, nameOf } from './party.js';
import { RosterView } from './roster.js';
import { TapeView } from './tape.js';
import { topicOfAddress, watchTopics } from './topics.js';

const identity = new Identity();
const breaker = createBreaker();
const hub = DIALECT.connect({ identity, WebSocket: breaker.WebSocket });
const bots = new Bots(showBots);

/** @type {import('./presence-topic.js').Topic} */
let topic;
let wantsPresence = true;
let isAway = false;
let lastMedia = ALL_OFF;
let noticeOfFailure = false;

const tape = new TapeView();
const roster = new RosterView(removeMember);
const chat = new ChatView({ say, typing: () => topic.typing() });
const devices = new DevicesView((change) => topic.set({ mediaSession: change }).catch(failed).finally(drawSelf));
const drawSelf = batched(drawSelfNow);

start();

function start() {
  hub.on('state', connectionChanged);
  hub.on('error', failed);
  byId('roster-empty').textContent = DIALECT.nobody;
  wireSelf();
  wireViews();
  wireFaults({ breaker, hub, bots, topicName: () => topic.name, note: (text) => tape.note(text), failed });
  byId('reconnect').addEventListener('click', () => hub.connect());
  watchTopics(enter);
  enter(topicOfAddress());
  watchActivity(identity.isSomebodyElse ? 'somebody-else' : 'self', (away) => {
    isAway = away;
    if (topic.tracked) topic.set({ idle: isAway }).catch(failed);
  });
}

/** Shows another topic; the one shown before is left. */
function enter(name) {
  topic?.unwatch().catch(failed);
  topic = hub.topic(name);
  hideNotice();
  document.title = `${name} · presence-hub`;
  byId('somebody-else').href = addressOfSomebodyElse();
  drawDialects(name);
  chat.show(name);
  roster.show(() => topic.members.values(), () => hub.me?._id);
  wireTopic(topic);
  drawSelf();
}

function wireTopic(shown) {
  const changed = () => {
    roster.changed();
    drawSelf();
    drawAge();
    byId('mark').textContent = shown.mark ? `r${shown.mark.rev}` : '';
  };
  shown.on('sync', (sync) => {
    tape.sync(sync, shown.name);
    if (wantsPresence && !shown.tracked) bePresent();
    changed();
  });
  shown.on('join', (join) => {
    tape.join(join);
    tell(`${nameOf(join.member.party)} joined`);
    changed();
  });
  shown.on('update', (update) => {
    tape.update(update);
    changed();
  });
  shown.on('leave', (leave) => {
    tape.leave(leave);
    chat.stopTyping(leave.member.id);
    tell(`${nameOf(leave.member.party)} left`);
    changed();
  });
  shown.on('message', (message) => {
    chat.add(message);
    changed();
  });
  shown.on('typing', ({ party }) => party._id !== hub.me?._id && chat.typing(party));
  shown.on('removed', () => {
    wantsPresence = false;
    changed();
    tape.note('You were removed');
    showNotice(`You were removed from ${shown.name}.`, 'Join again', comeBack);
  });
  shown.on('error', failed);
}

// --- being present ---

/** Joins with what the hub still knows of us (another tab, or this one before a reload), else with all off. */
function bePresent() {
  const { sessionId, ...known } = topic.self?.content ?? { mediaSession: lastMedia };
  topic.track({ ...known, idle: isAway }).catch(failed).finally(drawSelf);
  drawSelf();
}

function comeBack() {
  hideNotice();
  wantsPresence = true;
  if (topic.state === 'live') bePresent();
  else topic.rejoin();
}

function leave() {
  wantsPresence = false;
  topic.leave().catch(failed).finally(drawSelf);
  drawSelf();
}

async function say(text) {
  try {
    await topic.say(text);
    return true;
  } catch (error) {
    failed(error, 'Not sent');
    return false;
  }
}

async function removeMember({ id, party }) {
  const kind = party.type === 'anonymous' ? 'anonymousId' : 'userId';
  const path = `/api/spaces/${encodeURIComponent(topic.name)}/attendees/${kind}/${encodeURIComponent(id)}`;
  try {
    const response = await fetch(path, { method: 'DELETE', headers: { authorization: identity.authorization } });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
  } catch (error) {
    failed(error, `${nameOf(party)} was not removed`);
  }
}

function wireSelf() {
  const field = byId('name');
  field.value = identity.displayname;
  const rename = () => {
    const name = field.value.trim();
    field.value = name || identity.displayname;
    if (!name || name === identity.displayname) return;
    identity.rename(name);
    hub.renew(); // a new token; within the grace, so it is an update and no leave
  };
  field.addEventListener('change', rename);
  byId('name-form').addEventListener('submit', (event) => {
    event.preventDefault();
    field.blur();
  });
  identity.onRenamedElsewhere((name) => {
    field.value = name;
    hub.renew();
  });
  byId('presence-toggle').addEventListener('click', () => (topic.tracked ? leave() : comeBack()));
}

function drawSelfNow() {
  const { tracked, self } = topic;
  if (tracked) lastMedia = { ...ALL_OFF, ...tracked.mediaSession };
  devices.show(tracked && DIALECT.hasStates ? lastMedia : undefined);
  const toggle = byId('presence-toggle');
  toggle.textContent = tracked || wantsPresence ? 'Leave' : 'Join';
  toggle.className = tracked || wantsPresence ? 'quiet' : 'primary';
  const tabs = self?.sessions > 1 ? `present in ${self.sessions} tabs` : 'present';
  const waiting = wantsPresence ? 'joining' : DIALECT.absent;
  byId('self-note').textContent = tracked && self ? (tracked.idle ? 'away' : tabs) : waiting;
  const party = hub.me ?? { _id: identity.id ?? '', displayname: identity.displayname };
  byId('self-avatar').replaceChildren(avatar(party));
}

// --- the frame around it ---

function connectionChanged(detail) {
  showConnection(detail);
  drawAge();
  if (detail.state !== 'online') return;
  if (noticeOfFailure) hideNotice();
  const { grace } = hub.about ?? {};
  if (grace) byId('grace-note').textContent = `Others notice nothing if you are back within ${grace} s.`;
  drawSelf();
}

/** Dims a list that the hub keeps up to date no longer. */
function drawAge() {
  byId('people').classList.toggle('is-old', hub.state !== 'online' || topic.state === 'removed');
}

function wireViews() {
  const buttons = [...document.querySelectorAll('[data-show]')];
  const show = (view) => {
    document.body.dataset.view = view;
    for (const button of buttons) {
      if (button.dataset.show === view) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    }
  };
  for (const button of buttons) button.addEventListener('click', () => show(button.dataset.show));
}

/** Tells screen readers, but not of a whole crowd. */
const tell = (() => {
  let toldAt = 0;
  return (text) => {
    if (Date.now() - toldAt < 2_000) return;
    toldAt = Date.now();
    announce(text);
  };
})();

/** What needs no notice: the connection's own indicator says it, or the person asked for it. */
const EXPECTED = new Set(['connection.lost', 'left', 'removed', 'not.present']);

function failed(error, what = 'That did not work') {
  if (EXPECTED.has(error.code) && what === 'That did not work') return;
  showNotice(`${what}: ${error.message}`, 'Dismiss', hideNotice);
  noticeOfFailure = true;
}

function showNotice(text, label, act) {
  noticeOfFailure = false;
  byId('notice-text').textContent = text;
  const button = byId('notice-action');
  button.textContent = label;
  button.onclick = act;
  button.hidden = false;
  byId('notice').hidden = false;
}

function hideNotice() {
  byId('notice').hidden = true;
}
