// The page over Pusher's protocol: the same people in the same rooms as over the native dialect.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { openStage, PATIENCE } from '../stage.mjs';

const PUSHER = { query: '&dialect=pusher' };
const MARKUP = '<img src=x onerror=alert(1)><script>alert(2)</script>';

describe('pusher', () => {
  let stage;
  let topic;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage?.close());
  afterEach(() => stage.clear()); // which fails for any dialog, script error or breach of the policy

  /** Two people: the first over the native dialect, the second over Pusher's protocol. */
  const meet = async (one, other) => {
    topic = `presence-${stage.newTopic()}`;
    const native = await (await stage.person(one)).tab(topic);
    const pusher = await (await stage.person(other)).tab(topic, PUSHER);
    for (const tab of [native, pusher]) await tab.hasMembers(2);
    return { native, pusher };
  };

  const shows = (tab, text) => tab.page.locator('.message-text', { hasText: text }).waitFor();

  it('tab is present for people of the native dialect, and they for it', async () => {
    const { native, pusher } = await meet('Ann', 'Ben');
    for (const tab of [native, pusher]) for (const name of ['Ann', 'Ben']) assert.equal(await tab.members(name).count(), 1);
    await native.hasChanges(['Ann joined', 'Ben joined']);
    await native.press('#presence-toggle');
    await pusher.hasMembers(1);
    await pusher.hasChanges(['Ann is gone']);
    await native.press('#presence-toggle');
    await pusher.hasMembers(2);
    await pusher.press('#presence-toggle');
    assert.equal(await native.leaveOf('Ben'), 'left');
    await pusher.hasMembers(0);
    assert.equal(await pusher.page.locator('#self-note').textContent(), 'not subscribed');
    assert.match(await pusher.page.locator('#roster-empty').innerText(), /not subscribed/);
    await pusher.press('#presence-toggle');
    for (const tab of [native, pusher]) await tab.hasMembers(2);
  });

  it('messages go both ways, and each is shown once', async () => {
    const { native, pusher } = await meet('Ann', 'Ben');
    await native.say('from Ann');
    await shows(pusher, 'from Ann');
    await pusher.say('from Ben');
    await shows(native, 'from Ben');
    for (const tab of [native, pusher]) {
      assert.deepEqual(await tab.page.locator('.message-text').allTextContents(), ['from Ann', 'from Ben']);
      assert.deepEqual(await tab.page.locator('.message-head bdi').allTextContents(), ['Ann', 'Ben']);
    }
  });

  it('tab and native tab of one browser are one person', async () => {
    const { native, pusher } = await meet('Ann', 'Ben');
    const second = await native.page.context().newPage();
    await second.goto(native.page.url().replace('?', '?dialect=pusher&'));
    await native.badge('Ann', 'tabs').waitFor();
    for (const tab of [native, pusher]) await tab.hasMembers(2);
    assert.equal(await second.locator('.member.is-own').getAttribute('data-party'), await native.id());
    await native.hasChanges(['Ann joined', 'Ben joined', 'Ann']); // the last says that there are two tabs
    assert.deepEqual(await pusher.changes(), []);
  });

  it('switch leads to the same room as the same person, and back', async () => {
    const { native, pusher } = await meet('Ann', 'Ben');
    const id = await pusher.id();
    await pusher.press('#dialect-native');
    await pusher.page.locator('#dialect-native[aria-current]').waitFor();
    await pusher.isPresent();
    await pusher.press('#dialect-pusher');
    await pusher.page.locator('#dialect-pusher[aria-current]').waitFor();
    await pusher.isPresent();
    await pusher.hasMembers(2);
    assert.equal(await pusher.id(), id);
    assert.equal(await pusher.page.locator('#chat-topic').textContent(), topic);
    assert.ok(!(await native.changes()).some((line) => line.includes('gone')), 'nobody noticed a leave');
  });

  it('room of the native dialect that cannot be called so is left for one that can', async () => {
    const tab = await (await stage.person('Ann')).tab('lobby');
    await tab.press('#dialect-pusher');
    await tab.page.locator('#chat-topic', { hasText: 'presence-room-1' }).waitFor();
    await tab.isPresent();
    await tab.page.locator('#topic-name').fill('workshop');
    await tab.page.keyboard.press('Enter');
    await tab.page.locator('#chat-topic', { hasText: 'presence-workshop' }).waitFor();
    await tab.isPresent();
  });

  it('tab says nothing of devices, for it cannot', async () => {
    const { native, pusher } = await meet('Ann', 'Ben');
    await native.press('[data-device="audio"]');
    await native.badge('Ann', 'mic').waitFor();
    assert.ok(await pusher.device('audio').isDisabled());
    assert.deepEqual(await pusher.changes(), []);
  });

  it('tab that is cut off and comes back at once was never away', async () => {
    const { native, pusher } = await meet('Ann', 'Ben');
    await pusher.press('#cut');
    await pusher.page.locator('#connection[data-state="offline"]').waitFor();
    await pusher.press('#cut');
    await pusher.isOnline();
    await pusher.page.locator('#tape > [data-change="sync"]').nth(1).waitFor();
    await pusher.hasMembers(2);
    await pusher.say('back again');
    await shows(native, 'back again');
    assert.ok(!(await native.changes()).some((line) => line.includes('gone')), 'nobody noticed a leave');
  });

  it('somebody who is removed is told, and can come back', async () => {
    const { native, pusher } = await meet('Ann', 'Ben');
    await native.members('Ben').locator('.remove').click({ force: true });
    await pusher.page.locator('#notice', { hasText: 'You were removed' }).waitFor();
    assert.equal(await native.leaveOf('Ben'), 'kicked');
    await native.hasMembers(1);
    await pusher.press('#notice-action');
    for (const tab of [native, pusher]) await tab.hasMembers(2);
  });

  it('rename is seen by everybody', async () => {
    const { native, pusher } = await meet('Ann', 'Ben');
    await pusher.page.locator('#name').fill('Benjamin');
    await pusher.page.keyboard.press('Enter');
    for (const tab of [native, pusher]) {
      await tab.members('Benjamin').waitFor();
      await tab.hasMembers(2);
    }
  });

  for (const name of [MARKUP, '__proto__', '"}', '\\u0022 \\']) {
    it(`name ${name} is text, both ways`, async () => {
      const { native, pusher } = await meet(name, `${name} too`);
      const other = '#roster > .member:not(.is-own) bdi';
      assert.equal(await pusher.page.locator(other).textContent(), name);
      assert.equal(await native.page.locator(other).textContent(), `${name} too`);
      await native.say(name);
      await pusher.say(`${name} too`);
      await shows(native, `${name} too`);
      for (const tab of [native, pusher]) {
        assert.deepEqual(await tab.page.locator('.message-text').allTextContents(), [name, `${name} too`]);
        assert.equal(await tab.page.locator('.roster img, .messages img, .tape img, main script').count(), 0);
      }
    });
  }

  it('bar fits a phone, also while the connection is lost', async () => {
    const person = await stage.person('Ann', { viewport: { width: 360, height: 740 } });
    const tab = await person.tab('presence-room-2', PUSHER);
    const isFitting = () => document.querySelector('#connection').getBoundingClientRect().right <= innerWidth;
    assert.ok(await tab.page.evaluate(isFitting), 'online');
    await tab.press('.tabs [data-show="break"]');
    await tab.press('#cut');
    await tab.page.locator('#connection[data-state="offline"]').waitFor();
    assert.ok(await tab.page.evaluate(isFitting), 'offline');
  });

  it('someone else in a tab of their own speaks the same dialect', async () => {
    const { pusher } = await meet('Ann', 'Ben');
    const href = await pusher.page.locator('#somebody-else').getAttribute('href');
    assert.match(href, /dialect=pusher/);
    const popup = await pusher.page.context().newPage();
    await popup.goto(`${stage.url}${href}`);
    await pusher.hasMembers(3);
    assert.equal(await popup.locator('#chat-topic').textContent(), topic);
    await popup.locator('#dialect-pusher[aria-current]').waitFor({ timeout: PATIENCE.page });
  });
});
