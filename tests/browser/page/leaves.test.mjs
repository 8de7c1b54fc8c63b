// Why somebody is gone: every leave is told once, with its cause.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { GRACE_MS, openStage, PATIENCE } from '../stage.mjs';

describe('a leave', () => {
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
  });
  afterEach(() => stage.clear());

  it('of a closed tab comes after the grace, and says so', async () => {
    const closedAt = Date.now();
    await tab.close();
    assert.equal(await observer.leaveOf('Ann'), 'closed');
    assert.ok(Date.now() - closedAt >= GRACE_MS * 0.9, 'not before the grace is over');
    await observer.hasMembers(1);
    await observer.hasChanges(['Ben joined', 'Ann joined', 'Ann is gone']);
  });

  it('that is said comes at once, and who left watches on', async () => {
    await tab.press('#presence-toggle');
    assert.equal(await observer.leaveOf('Ann', GRACE_MS), 'left');
    await tab.hasMembers(1);
    await tab.close();
    await observer.say('Bye!');
    await observer.hasChanges(['Ben joined', 'Ann joined', 'Ann is gone']);
  });

  it('can be undone', async () => {
    await tab.press('#presence-toggle');
    await observer.hasMembers(1);
    await tab.press('#presence-toggle');
    await observer.hasMembers(2);
    await observer.hasChanges(['Ben joined', 'Ann joined', 'Ann is gone', 'Ann joined']);
  });

  it('of a removed member says by whom, and reaches every tab of theirs', async () => {
    await observer.members('Ann').hover();
    await observer.members('Ann').getByRole('button', { name: 'Remove Ann' }).click();
    assert.equal(await observer.leaveOf('Ann'), 'kicked');
    await observer.hasMembers(1);
    await tab.page.getByRole('alert').filter({ hasText: 'You were removed' }).waitFor();
    await observer.hasChanges(['Ben joined', 'Ann joined', 'by Ben']);
    await tab.page.getByRole('button', { name: 'Join again' }).click();
    await observer.hasMembers(2);
    await tab.hasMembers(2);
  });

  it('of bots is told as they go: said, or found out', async () => {
    await tab.press('#bots-few');
    await observer.hasMembers(7, PATIENCE.page);
    await tab.press('#bots-dismiss');
    await observer.hasMembers(2);
    const causes = observer.page.locator('[data-change="leave"] .cause');
    assert.deepEqual(new Set(await causes.allInnerTexts()), new Set(['left']));
    await tab.press('#bots-few');
    await observer.hasMembers(7, PATIENCE.page);
    await tab.press('#bots-crash');
    await observer.hasMembers(2, PATIENCE.leave);
    assert.deepEqual((await causes.allInnerTexts()).slice(0, 5), Array(5).fill('closed'));
  });
});
