// Who is present: one person however many tabs, two people however alike, and no flicker.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { openStage, PATIENCE } from '../stage.mjs';

describe('people', () => {
  let stage;
  let topic;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage?.close());
  afterEach(() => stage.clear());

  const meet = async (...names) => {
    topic = stage.newTopic();
    const people = await Promise.all(names.map((name) => stage.person(name)));
    return people;
  };

  it('are one for all tabs of a browser', async () => {
    const [ann, ben] = await meet('Ann', 'Ben');
    const first = await ann.tab(topic);
    const second = await ann.tab(topic);
    const observer = await ben.tab(topic);
    assert.equal(await first.id(), await second.id());
    for (const tab of [first, second, observer]) {
      await tab.hasMembers(2);
      await tab.badge('Ann', 'tabs').waitFor();
      assert.match(await tab.badge('Ann', 'tabs').innerText(), /2 tabs/);
    }
    await second.close();
    await observer.badge('Ann', 'tabs').waitFor({ state: 'detached', timeout: PATIENCE.leave });
    await observer.hasMembers(2);
  });

  it('are one even when both tabs open at the same moment', async () => {
    const [ann] = await meet('Ann');
    const [first, second] = await Promise.all([ann.tab(topic), ann.tab(topic)]);
    assert.equal(await first.id(), await second.id());
    await first.hasMembers(1);
  });

  it('are two in two browsers, and each sees the other once', async () => {
    const [ann, ben] = await meet('Ann', 'Ben');
    const annTab = await ann.tab(topic);
    await annTab.hasMembers(1);
    const benTab = await ben.tab(topic);
    for (const tab of [annTab, benTab]) {
      await tab.hasMembers(2);
      assert.equal(await tab.members('Ann').count(), 1);
      assert.equal(await tab.members('Ben').count(), 1);
    }
    await annTab.hasChanges(['Ann joined', 'Ben joined']);
    await benTab.hasChanges(['Ben joined']);
  });

  it('are two in one browser for who joins as someone else, also after a reload', async () => {
    const [ann] = await meet('Ann');
    const self = await ann.tab(topic);
    const other = await ann.tab(topic, { query: '&as=new' });
    const id = await other.id();
    assert.notEqual(id, await self.id());
    await other.page.reload();
    await other.isPresent();
    assert.equal(await other.id(), id);
    await self.hasMembers(2);
  });

  it('do not flicker when they reload twenty times', async () => {
    const [ann, ben] = await meet('Ann', 'Ben');
    const observer = await ben.tab(topic);
    const tab = await ann.tab(topic);
    await observer.hasChanges(['Ben joined', 'Ann joined']);
    for (let turn = 0; turn < 20; turn += 1) {
      await tab.page.reload({ timeout: PATIENCE.page });
      await tab.isOnline();
      await tab.isPresent();
    }
    // What is told after this must have come after the reloads.
    await tab.device('audio').click();
    await observer.hasChanges(['Ben joined', 'Ann joined', 'microphone on']);
    await observer.hasMembers(2);
  });

  it('keep their devices over a reload', async () => {
    const [ann] = await meet('Ann');
    const tab = await ann.tab(topic);
    await tab.device('video').click();
    await tab.badge('Ann', 'camera').waitFor();
    await tab.page.reload();
    await tab.isPresent();
    await tab.badge('Ann', 'camera').waitFor();
    assert.equal(await tab.device('video').getAttribute('aria-pressed'), 'true');
  });

  it('change their name without leaving', async () => {
    const [ann, ben] = await meet('Ann', 'Ben');
    const observer = await ben.tab(topic);
    const tab = await ann.tab(topic);
    await tab.page.locator('#name').fill('Anna Maria');
    await tab.page.keyboard.press('Enter');
    await observer.members('Anna Maria').waitFor();
    await observer.hasChanges(['Ben joined', 'Ann joined', 'was Ann']);
    await observer.hasMembers(2);
  });

  it('are in the topic that the address names, and leave the one before', async () => {
    const [ann, ben] = await meet('Ann', 'Ben');
    const elsewhere = stage.newTopic();
    const observer = await ben.tab(topic);
    const tab = await ann.tab(topic);
    await tab.page.locator('#topic-name').fill(elsewhere);
    await tab.page.keyboard.press('Enter');
    assert.equal(await observer.leaveOf('Ann'), 'left');
    await tab.hasMembers(1);
    await tab.page.goBack();
    await observer.hasMembers(2);
    await tab.hasMembers(2);
  });
});
