// What the others see: devices, typing, messages and being away.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { openStage, PATIENCE } from '../stage.mjs';

describe('the other side sees', () => {
  let stage;
  let topic;
  let ann;
  let observer;
  let tab;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage?.close());
  beforeEach(async () => {
    topic = stage.newTopic();
    ann = await stage.person('Ann');
    observer = await (await stage.person('Ben')).tab(topic);
    tab = await ann.tab(topic);
    await observer.hasMembers(2);
  });
  afterEach(() => stage.clear());

  it('devices go on and off', async () => {
    for (const [device, badge] of [['audio', 'mic'], ['video', 'camera'], ['screenshare', 'screen'], ['phone', 'phone']]) {
      await tab.device(device).click();
      await observer.badge('Ann', badge).waitFor();
      await tab.device(device).click();
      await observer.badge('Ann', badge).waitFor({ state: 'detached' });
    }
  });

  it('muting instead of the microphone', async () => {
    await tab.device('audio').click();
    await observer.badge('Ann', 'mic').waitFor();
    await tab.device('selfMuted').click();
    await observer.badge('Ann', 'muted').waitFor();
    assert.equal(await observer.badge('Ann', 'mic').count(), 0);
  });

  it('one state, whichever tab of a person changed it', async () => {
    const second = await ann.tab(topic);
    await tab.device('audio').click();
    await second.page.locator('[data-device="audio"][aria-pressed="true"]').waitFor();
    await second.device('video').click();
    await observer.badge('Ann', 'camera').waitFor();
    assert.equal(await observer.badge('Ann', 'mic').count(), 1, 'the second tab did not undo the first');
    await tab.page.locator('[data-device="video"][aria-pressed="true"]').waitFor();
  });

  it('typing, for a while', async () => {
    await tab.page.locator('#composer-text').pressSequentially('hel');
    const typing = observer.page.locator('#typing');
    await typing.filter({ hasText: 'Ann is typing' }).waitFor();
    await observer.holds('typing ends', PATIENCE.change, () => document.querySelector('#typing').textContent === '');
    assert.equal(await tab.page.locator('#typing').innerText(), '', 'nobody needs to be told that they type');
    assert.equal((await observer.changes()).length, 2, 'typing is no change');
  });

  it('messages, in order, and the typing ends with them', async () => {
    await tab.page.locator('#composer-text').pressSequentially('one');
    await observer.page.locator('#typing.is-on').waitFor();
    await tab.page.keyboard.press('Enter');
    await observer.page.locator('.message-text', { hasText: 'one' }).waitFor();
    assert.equal(await observer.page.locator('#typing').innerText(), '');
    await observer.say('two');
    await tab.say('three');
    for (const { page } of [tab, observer]) {
      await page.locator('.message-text', { hasText: 'three' }).waitFor();
      assert.deepEqual((await page.locator('.message-text').allInnerTexts()).sort(), ['one', 'three', 'two']);
    }
  });

  it('that somebody is away, and back', async () => {
    const cat = await (await stage.person('Cat')).tab(topic, { clock: true });
    await observer.hasMembers(3);
    await cat.page.clock.fastForward('06:00');
    await observer.badge('Cat', 'away').waitFor();
    await cat.page.mouse.move(200, 200);
    await observer.badge('Cat', 'away').waitFor({ state: 'detached' });
  });
});
