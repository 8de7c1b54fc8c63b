// Hostile words: whatever people call themselves or say is text, and the content security policy has nothing to do.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { openStage } from '../stage.mjs';

const MARKUP = '<img src=x onerror=alert(1)><script>alert(2)</script>';
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
];

describe('hostile', () => {
  let stage;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage?.close());
  afterEach(() => stage.clear()); // which fails for any dialog, script error or breach of the policy

  const meet = async (name) => {
    const topic = stage.newTopic();
    const observer = await (await stage.person('Ben')).tab(topic);
    const tab = await (await stage.person(name)).tab(topic);
    await observer.hasMembers(2);
    return { observer, tab, shown: observer.page.locator('#roster > .member:not(.is-own) bdi') };
  };

  for (const name of [MARKUP, '__proto__', 'constructor', '&lt;b&gt;', '{{7*7}}${7*7}', "'; DROP TABLE parties; --"]) {
    it(`name ${name} is text`, async () => {
      const { observer, tab, shown } = await meet(name);
      assert.equal(await shown.textContent(), name);
      await tab.say('hello');
      await observer.page.locator('.message-head bdi').first().waitFor();
      assert.equal(await observer.page.locator('.message-head bdi').first().textContent(), name);
      await tab.press('#presence-toggle');
      await observer.leaveOf(name);
      assert.equal(await observer.page.locator('.roster img, .messages img, .tape img, main script').count(), 0);
    });
  }

  it('name that turns the direction of text does not turn it', async () => {
    const { shown } = await meet('Ann \u202egpj.exe\u2066 \u200b');
    assert.equal(await shown.textContent(), 'Ann gpj.exe');
  });

  it('name that cannot be seen is replaced by the id', async () => {
    const { observer, shown } = await meet('\u200b\u2060\u202e');
    const id = await observer.page.locator('.member:not(.is-own)').getAttribute('data-party');
    assert.equal(await shown.textContent(), id);
  });

  it('name without an end breaks no layout', async () => {
    const { observer, shown } = await meet('W'.repeat(240));
    assert.ok((await shown.textContent()).length <= 121);
    const sizes = await observer.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(sizes[0] <= sizes[1], `the page is ${sizes[0]} wide in a window of ${sizes[1]}`);
  });

  it('message is text', async () => {
    const { observer, tab } = await meet('Ann');
    await tab.say(MARKUP);
    const text = observer.page.locator('.message-text');
    await text.waitFor();
    assert.equal(await text.textContent(), MARKUP);
  });

  it('topic name is text', async () => {
    const topic = `${stage.newTopic()} ${MARKUP}`;
    const tab = await (await stage.person('Ann')).tab(topic);
    assert.equal(await tab.page.locator('#chat-topic').textContent(), topic);
    assert.equal(await tab.page.locator('.topics img').count(), 0);
  });

  it('address leads to a topic all the same', async () => {
    const tab = await (await stage.person('Ann')).tab('lobby');
    for (const hash of ['#%', '#%00', `#${'x'.repeat(300)}`, '#a-pnpres']) {
      await tab.page.evaluate((next) => (location.hash = next), hash);
      await tab.page.locator('#chat-topic', { hasText: 'lobby' }).waitFor();
    }
  });

  it('scripts find a policy that forbids them', async () => {
    const response = await fetch(stage.url);
    const policy = response.headers.get('content-security-policy') ?? '';
    for (const directive of POLICY) assert.ok(policy.includes(directive), `${directive} in ${policy}`);
  });
});
