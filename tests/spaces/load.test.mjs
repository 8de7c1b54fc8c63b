// A large meeting and many small ones (S54, S55). Figures are printed, never judged by the clock. With SPACES_LONG (`run --long`) S55 lasts ten minutes.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Extra } from './kit/crowd.mjs';
import { PATIENCE, within } from '../kit/patience.mjs';
import { suite } from './kit/scene.mjs';

const FRAMINGS = [3, 4, 'ws'];

/** S54: the parties of the large meeting, and how many of them come at once. */
const PARTIES = 987;
const AT_ONCE = 32;

/** S55: joins a minute, parties of a meeting, and how long. */
const JOINS = 7_000;
const MEETING = 10;
const MINUTES = process.env.SPACES_LONG ? 10 : 1;

const SETTINGS = { 'socketio.ping_interval': '25s', 'socketio.ping_timeout': '60s', 'presence.retention': '1s', 'limits.events_per_second': 1_000 };

suite(
  'load',
  (stage) => {
    stage.one('S54', `a space of ${PARTIES} parties: who comes has all of them`, async (scene) => largeMeeting(scene));
    stage.one('S55', `${JOINS} joins a minute into meetings of ${MEETING}, for ${MINUTES} min: no errors, and no ghosts`, async (scene) => manyMeetings(scene));
  },
  { settings: SETTINGS, abreast: 1 },
);

// --- S54 ---

async function largeMeeting(scene) {
  const { hub, topic } = scene;
  const before = await resident(hub);
  const people = Array.from({ length: PARTIES }, (_, n) => scene.person(`party-${n}`));
  const began = performance.now();
  const parties = await inBatches(people, AT_ONCE, async (person, n) => {
    const extra = await Extra.connect(hub, FRAMINGS[n % FRAMINGS.length], person.token);
    await extra.subscribe(topic);
    extra.online(topic);
    await extra.unsubscribe(`${topic}-elsewhere`);
    return extra;
  });
  const filled = performance.now();
  const ids = people.map(({ id }) => id).sort();
  for (const framing of FRAMINGS) {
    const asked = performance.now();
    const { roster, extra } = await newcomer(scene, framing, topic);
    print(`S54: a newcomer (${framing}) has ${roster.size} parties after ${Math.round(performance.now() - asked)} ms`);
    assert.deepEqual([...roster].sort(), ids);
    extra.close();
  }
  const elsewhere = performance.now();
  const other = await Extra.connect(hub, 4, scene.person('other').token);
  await other.subscribe(`${topic}-other`);
  other.online(`${topic}-other`);
  await within(PATIENCE.event, () => 'an answer in another space', new Promise((resolve) => (other.heard = resolve)));
  print(`S54: connecting and joining another space took ${Math.round(performance.now() - elsewhere)} ms`);
  const each = ((await resident(hub)) - before) / PARTIES;
  print(`S54: ${PARTIES} parties came in ${Math.round(filled - began)} ms; the hub has ${each.toFixed(1)} KiB more for each`);
  assert.ok(each < 256, `${each} KiB for each party`);
  assert.ok(!parties.some(({ isClosedByHub }) => isClosedByHub), 'nobody was sent away');
  for (const extra of [...parties, other]) extra.drop();
}

/** Somebody who comes last, and the ids of all it learns of: from the answer on `/ws`, by asking elsewhere. */
async function newcomer(scene, framing, topic) {
  const extra = await Extra.connect(scene.hub, framing, scene.person('newcomer').token);
  const roster = new Set();
  const isFull = new Promise((resolve) => {
    extra.heard = (data) => {
      const { category, sender } = extra.payload(data);
      if (category.endsWith('party.online')) roster.add(sender._id);
      if (roster.size === PARTIES) resolve();
    };
  });
  const { hub } = await extra.subscribe(topic);
  if (hub?.roster) for (const { user } of hub.roster) roster.add(user._id);
  else {
    extra.emit('SEND_PRESENCE_EVENT', { category: 'app.event.presence.request.parties', topicId: topic });
    await within(PATIENCE.leave, () => `${PARTIES} parties, of whom ${roster.size} came`, isFull);
  }
  return { roster, extra };
}

// --- S55 ---

async function manyMeetings(scene) {
  const { hub } = scene;
  const counts = { joins: 0, errors: 0, rest: [] };
  const going = new Set();
  const meetings = [];
  const began = performance.now();
  const pings = setInterval(() => going.forEach(({ guests }) => guests.forEach((guest) => guest.ping())), 10_000);
  const total = JOINS * MINUTES;
  for (let asked = 0; asked < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - began) / 60_000) * JOINS));
    for (; asked < due; asked += MEETING) {
      const meeting = new Meeting(scene, `brief:load-${meetings.length}`, counts);
      meetings.push(meeting);
      going.add(meeting);
      meeting.over = meeting.play().finally(() => going.delete(meeting));
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await Promise.all(meetings.map(({ over }) => over));
  clearInterval(pings);
  const seconds = (performance.now() - began) / 1_000;
  const rest = counts.rest.sort((a, b) => a - b);
  const share = (part) => rest[Math.floor((rest.length - 1) * part)]?.toFixed(1);
  print(`S55: ${counts.joins} joins in ${seconds.toFixed(1)} s, ${counts.errors} errors; REST p50 ${share(0.5)} ms, p95 ${share(0.95)} ms, max ${share(1)} ms; the hub has ${Math.round((await resident(hub)) / 1024)} MiB`);
  assert.ok(counts.joins >= total * 0.99, `${counts.joins} of ${total} joined`);
  assert.ok(counts.errors < total / 100, `${counts.errors} errors`);
  await hasNoGhosts(scene, meetings);
}

/** Ten guests come, each with a token of its own from REST, see each other, and go: half of them with a word. */
class Meeting {
  guests = [];

  constructor(scene, topic, counts) {
    Object.assign(this, { scene, topic, counts });
  }

  async play() {
    const all = await Promise.allSettled(Array.from({ length: MEETING }, (_, n) => this.#join(n)));
    for (const { status } of all) this.counts[status === 'fulfilled' ? 'joins' : 'errors'] += 1;
    for (const [n, guest] of this.guests.entries()) {
      if (guest.isClosedByHub) this.counts.errors += 1;
      if (n % 2 === 0) guest.close();
      else guest.drop();
    }
  }

  async #join(n) {
    const asked = performance.now();
    const { status, body } = await this.scene.rest('POST', '/api/anonymous/auth', { body: { displayname: `guest ${n}` } });
    assert.equal(status, 200);
    this.counts.rest.push(performance.now() - asked);
    const guest = await Extra.connect(this.scene.hub, FRAMINGS[n % FRAMINGS.length], body.token);
    this.guests.push(guest);
    const seen = new Set();
    const everybody = new Promise((resolve) => {
      guest.heard = (data) => {
        const { category, sender } = guest.payload(data);
        if (category.endsWith('party.online')) seen.add(sender._id);
        if (seen.size === MEETING) resolve();
      };
    });
    await guest.subscribe(this.topic);
    guest.emit('SEND_PRESENCE_EVENT', { category: 'app.event.presence.request.parties', topicId: this.topic });
    guest.online(this.topic);
    await within(PATIENCE.leave, () => `${seen.size} of ${MEETING} in ${this.topic}`, everybody);
  }
}

/** After the last grace every meeting is empty. The sentinel's leave says that it is over. */
async function hasNoGhosts(scene, meetings) {
  const { hub } = scene;
  const watcher = await Extra.connect(hub, 'ws', scene.person('watcher').token);
  const sentinel = await Extra.connect(hub, 'ws', scene.person('sentinel').token);
  const last = new Promise((resolve) => {
    watcher.heard = (data) => watcher.payload(data).category.endsWith('party.leaves') && resolve();
  });
  await watcher.subscribe(scene.brief);
  await sentinel.subscribe(scene.brief);
  sentinel.online(scene.brief);
  await sentinel.unsubscribe('nowhere');
  sentinel.drop();
  await within(PATIENCE.leave, () => 'the leave of the sentinel', last);
  for (const { topic } of meetings) {
    const answer = await watcher.subscribe(topic);
    assert.deepEqual(answer.hub.roster, [], `ghosts in ${topic}`);
    await watcher.unsubscribe(topic);
  }
  watcher.close();
}

// --- both ---

async function inBatches(items, size, play) {
  const results = [];
  for (let at = 0; at < items.length; at += size) {
    results.push(...(await Promise.all(items.slice(at, at + size).map((item, n) => play(item, at + n)))));
  }
  return results;
}

/** The hub's memory in KiB. */
async function resident({ pid }) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]);
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
