// Trouble with the network: what the others notice, and what is made up for afterwards.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { openStage, PATIENCE } from '../stage.mjs';

describe('a tab whose network fails', () => {
  let stage;
  let observer;
  let tab;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage?.close());
  beforeEach(async () => {
    const topic = stage.newTopic();
    observer = await (await stage.person('Ben')).tab(topic);
    tab = await (await stage.person('Ann')).tab(topic);
    await observer.hasMembers(2);
    await tab.hasMembers(2);
  });
  afterEach(() => stage.clear());

  const isCut = () => tab.page.locator('#connection[data-state="offline"]').waitFor();

  it('and is back within the grace has never been away', async () => {
    await tab.press('#cut');
    await isCut();
    await tab.press('#cut');
    await tab.isOnline();
    await tab.device('audio').click();
    await observer.hasChanges(['Ben joined', 'Ann joined', 'microphone on']);
  });

  it('makes up for what it missed', async () => {
    await tab.press('#cut');
    await isCut();
    await observer.say('Can you hear me?');
    await observer.device('video').click();
    await observer.badge('Ben', 'camera').waitFor();
    await tab.press('#cut');
    await tab.page.locator('.message-text', { hasText: 'Can you hear me?' }).waitFor();
    await tab.badge('Ben', 'camera').waitFor();
    assert.equal(await tab.page.locator('.message').count(), 1, 'once');
  });

  it('and stays away is gone, and joins anew when it returns', async () => {
    await tab.press('#cut');
    await observer.hasMembers(1, PATIENCE.leave);
    await tab.press('#cut');
    await observer.hasMembers(2);
    await tab.hasMembers(2);
    await observer.hasChanges(['Ben joined', 'Ann joined', 'Ann is gone', 'Ann joined']);
  });

  it('keeps what was switched meanwhile', async () => {
    await tab.press('#cut');
    await isCut();
    await tab.device('audio').click();
    await tab.press('#cut');
    await observer.badge('Ann', 'mic').waitFor();
  });

  it('keeps what could not be said', async () => {
    await tab.press('#cut');
    await isCut();
    await tab.say('Hello?');
    await tab.page.getByRole('alert').filter({ hasText: 'Not sent' }).waitFor();
    assert.equal(await tab.page.locator('#composer-text').inputValue(), 'Hello?');
  });

  it('and is frozen hears everything, in order, once thawed', async () => {
    await tab.press('#freeze');
    await observer.say('one');
    await observer.say('two');
    await observer.page.locator('.message-text', { hasText: 'two' }).waitFor();
    assert.equal(await tab.page.locator('.message').count(), 0);
    await tab.press('#freeze');
    await tab.page.locator('.message-text', { hasText: 'two' }).waitFor();
    assert.deepEqual(await tab.page.locator('.message-text').allInnerTexts(), ['one', 'two']);
    await observer.hasChanges(['Ben joined', 'Ann joined']);
  });
});
