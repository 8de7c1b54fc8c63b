// A mixed room (S43, S57): every kind of client and two browser tabs, and in the end one list.

import assert from 'node:assert/strict';
import { openBrowser, Tab } from './kit/browser.mjs';
import { settle } from './kit/clients/client.mjs';
import { EVERYBODY, J20, J25, LIBRARIES, P4, RAW3, WS } from './kit/kinds.mjs';
import { PATIENCE } from '../kit/patience.mjs';
import { agree, rosterOf } from './kit/roster.mjs';
import { suite } from './kit/scene.mjs';

suite('a mixed room', (stage) => {
  stage.one('S43 S57', 'every kind of client and two browser tabs end with the same roster', async (scene) => {
    const browser = await openBrowser();
    try {
      await play(scene, browser);
    } finally {
      await browser.close();
    }
  });

  stage.each('S57', LIBRARIES, 'moves from Socket.IO to /ws within the grace, and nobody sees it go', async (scene, kind) => {
    const observers = await Promise.all(EVERYBODY.map((other) => scene.subscribed(other, `observer-${other.name}`)));
    const alice = await scene.member(kind, 'alice', scene.topic, { n: 1 });
    alice.close();
    const moved = await scene.member(WS, alice.person, scene.topic, { n: 2 });
    for (const observer of observers) await observer.hears('party.online', moved, { content: { n: 2, sessionId: moved.subscribed.sessionId } });
    const sentinel = await scene.member(WS, 'sentinel');
    sentinel.wire.down();
    for (const observer of observers) {
      await observer.hears('party.leaves', sentinel, {}, PATIENCE.leave);
      assert.deepEqual(leaves(observer, alice), [], `${observer.name} sees nobody leave`);
    }
  });
}, { abreast: 3 });

async function play(scene, browser) {
  const { brief: topic, hub } = scene;
  const ids = new Map();
  const enter = async (kind, name, n) => {
    const client = await scene.subscribed(kind, name, topic, { reconnection: false });
    client.emit('SEND_PRESENCE_EVENT', { category: 'app.event.presence.request.parties', topicId: topic });
    if (n !== undefined) {
      await client.online(topic, { n });
      ids.set(client.person.id, n);
    }
    return client;
  };
  const open = async (name, n) => {
    const person = scene.person(name);
    ids.set(person.id, n);
    return Tab.open(browser, hub, person, topic, { n });
  };

  // They come, one after the other, some of them to stay; one only watches.
  const tabs = [await open('tab-1', 0)];
  const clients = [];
  for (const kind of EVERYBODY) clients.push(await enter(kind, `first-${kind.name}`, 0));
  tabs.push(await open('tab-2', 0));
  const watcher = await enter(WS, 'watcher');
  const going = Object.fromEntries(await Promise.all([J20, J25, P4, RAW3, WS].map(async (kind) => [kind.name, await enter(kind, `going-${kind.name}`, 0)])));

  // Everybody says something new; those who go do so, each in a way of its own.
  const say = async (client, n) => {
    await client.online(topic, { n });
    ids.set(client.person.id, n);
  };
  await Promise.all(clients.map((client, at) => say(client, at + 1)));
  await tabs[0].set({ n: 20 });
  ids.set([...ids.keys()].find((id) => id.startsWith('tab-1')), 20);
  going.J20.sayLeaves(topic);
  going.J25.emit('UNSUBSCRIBE_CHANNEL', { channel: { type: 'topic', _id: topic } });
  going.P4.wire.down();
  going.RAW3.close();
  const removal = `/api/spaces/${encodeURIComponent(topic)}/attendees/userId/${going.WS.person.id}`;
  assert.equal((await scene.rest('DELETE', removal, { as: scene.person('boss', { role: 'admin' }) })).status, 200);
  for (const { person } of Object.values(going)) ids.delete(person.id);
  await Promise.all(clients.map((client, at) => say(client, at + 100)));

  // One comes last, and asks.
  const late = await enter(J25, 'late', 7);

  const expected = [...ids].sort();
  const stayed = [...clients, watcher, late];
  const rosters = Object.fromEntries(stayed.map((client) => [client.name, () => rosterOf(client, topic)]));
  tabs.forEach((tab, at) => (rosters[`tab ${at + 1}`] = () => tab.roster()));
  await agree(rosters, expected);
  await settle(...stayed);
  await agree(rosters, expected);
  for (const client of [...clients, watcher]) {
    for (const { name, person } of Object.values(going)) {
      const gone = client.inbox.history.filter(({ payload }) => isDeparture(payload, person));
      assert.equal(gone.length, 1, `${client.name} sees ${name} go once`);
    }
  }
}

function isDeparture(payload, { id }) {
  if (payload?.category === 'party.removed') return payload.content.attendee.attendee === id;
  return payload?.category?.endsWith('party.leaves') && payload.sender._id === id;
}

function leaves(client, { person }) {
  return client.inbox.history.filter(({ payload }) => isDeparture(payload, person));
}
