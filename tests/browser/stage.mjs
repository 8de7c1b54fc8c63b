// The stage of the browser tests: a hub, a browser, and people with tabs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

/** How long each kind of thing may take, in milliseconds. A test that waits, waits for a condition, with one of these. */
export const PATIENCE = {
  start: 20_000, // the hub prints where it listens
  page: 15_000, // a page is loaded, online and present
  change: 8_000, // a change arrives on the other side
  leave: 12_000, // a leave arrives that had to wait for the grace
};

/** The grace that the hub is started with. */
export const GRACE_MS = 2_000;

const BINARY = process.env.PRESENCE_HUB_BIN ?? fileURLToPath(new URL('../../target/debug/presence-hub', import.meta.url));
const HUB_ARGUMENTS = ['--listen', '127.0.0.1:0', '--set', 'admin.listen=127.0.0.1:0', '--set', `presence.grace=${GRACE_MS / 1_000}s`];
const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const CHROMIUM_ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts a hub and a browser. End both with `close()`. */
export async function openStage() {
  const hub = await startHub();
  try {
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGUMENTS });
    return new Stage(hub, browser);
  } catch (error) {
    await hub.end();
    throw error;
  }
}

class Stage {
  #hub;
  #browser;
  #topics = 0;
  #people = [];

  constructor(hub, browser) {
    this.#hub = hub;
    this.#browser = browser;
    this.url = hub.url;
  }

  /** A topic that no other test uses. */
  newTopic() {
    this.#topics += 1;
    return `stage-${this.#topics}`;
  }

  /** Somebody with a browser of their own. `options` are those of a browser context. */
  async person(name, options = {}) {
    const context = await this.#browser.newContext({ locale: 'en-GB', ...options });
    context.setDefaultTimeout(PATIENCE.change);
    const person = new Person(name, context, this.url);
    this.#people.push(person);
    return person;
  }

  /** Ends a scene: everybody goes, and nothing may have happened that must never happen. */
  async clear() {
    const people = this.#people.splice(0);
    await Promise.all(people.map((person) => person.close()));
    const troubles = people.flatMap(({ tabs }) => tabs.flatMap((tab) => tab.troubles));
    assert.deepEqual(troubles, []);
  }

  async close() {
    await this.#browser.close();
    await this.#hub.end();
  }
}

class Person {
  /** Every tab that was ever opened. */
  tabs = [];

  constructor(name, context, url) {
    this.name = name;
    this.context = context;
    this.url = url;
  }

  /** A tab in a topic, online and present. With `clock`, the page's time is in the test's hands. */
  async tab(topic, { query = '', clock = false } = {}) {
    const page = await this.context.newPage();
    if (clock) await page.clock.install();
    const tab = new Tab(page);
    this.tabs.push(tab);
    await tab.watchForTrouble();
    const name = encodeURIComponent(this.name);
    await page.goto(`${this.url}/?name=${name}${query}#${encodeURIComponent(topic)}`, { timeout: PATIENCE.page });
    await tab.isOnline();
    await tab.isPresent();
    return tab;
  }

  async close() {
    await this.context.close();
  }
}

/** One tab of the demo page. */
export class Tab {
  /** Whatever must never happen: dialogs, script errors, breaches of the content security policy. */
  troubles = [];

  constructor(page) {
    this.page = page;
  }

  async watchForTrouble() {
    const { page, troubles } = this;
    page.on('dialog', (dialog) => {
      troubles.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('pageerror', (error) => troubles.push(`script error: ${error.message}`));
    page.on('console', (line) => {
      if (/content security policy/i.test(line.text())) troubles.push(line.text());
    });
    await page.exposeFunction('reportBreach', (text) => troubles.push(`policy breach: ${text}`));
    await page.addInitScript(() => {
      addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile }) =>
        globalThis.reportBreach(`${violatedDirective} ${blockedURI} in ${sourceFile}`),
      );
    });
  }

  // --- what the tab shows ---

  async isOnline() {
    await this.page.locator('#connection[data-state="online"]').waitFor({ timeout: PATIENCE.page });
  }

  async isPresent() {
    await this.page.locator('.member.is-own').waitFor({ state: 'attached', timeout: PATIENCE.page });
  }

  /** The rows of the roster, all or those of one name. */
  members(name) {
    const rows = this.page.locator('#roster > .member');
    return name === undefined ? rows : rows.filter({ has: this.page.locator('bdi', { hasText: name }) });
  }

  /** Waits until the roster has exactly so many rows. */
  async hasMembers(count, patience = PATIENCE.change) {
    await this.holds(`${count} members`, patience, (n) => document.querySelectorAll('#roster > .member').length === n, count);
  }

  badge(name, badge) {
    return this.members(name).locator(`[data-badge="${badge}"]`);
  }

  /** The lines of the tape that tell of members, oldest first. */
  async changes() {
    const lines = this.page.locator('#tape > [data-change="join"], #tape > [data-change="update"], #tape > [data-change="leave"]');
    return (await lines.allInnerTexts()).reverse();
  }

  /** Waits until the tape tells of exactly these changes, oldest first; each a part of its line. */
  async hasChanges(expected, patience = PATIENCE.change) {
    const isAll = (parts) => {
      const lines = [...document.querySelectorAll('#tape > [data-change="join"], #tape > [data-change="update"], #tape > [data-change="leave"]')];
      return lines.length === parts.length && lines.reverse().every((line, n) => line.innerText.includes(parts[n]));
    };
    await this.holds(`the changes ${JSON.stringify(expected)}`, patience, isAll, expected).catch(async (error) => {
      throw new Error(`${error.message}, but ${JSON.stringify(await this.changes())}`, { cause: error });
    });
  }

  /** Waits for a leave on the tape, and gives its cause. */
  async leaveOf(name, patience = PATIENCE.leave) {
    const line = this.page.locator('#tape > [data-change="leave"]').filter({ hasText: name }).first();
    await line.waitFor({ timeout: patience });
    return line.locator('.cause').getAttribute('data-cause');
  }

  /** The own party's id. */
  async id() {
    return this.page.locator('.member.is-own').getAttribute('data-party');
  }

  /** Waits until a predicate that runs in the page holds; fails by the name of what was awaited. */
  async holds(what, patience, predicate, argument) {
    try {
      await this.page.waitForFunction(predicate, argument, { timeout: patience, polling: 50 });
    } catch (error) {
      throw new Error(`not within ${patience} ms: ${what}`, { cause: error });
    }
  }

  // --- what a person does ---

  async press(selector) {
    await this.page.locator(selector).click();
  }

  device(key) {
    return this.page.locator(`[data-device="${key}"]`);
  }

  async say(text) {
    await this.page.locator('#composer-text').fill(text);
    await this.page.keyboard.press('Enter');
  }

  async close() {
    await this.page.close();
  }
}

async function startHub() {
  const child = spawn(BINARY, HUB_ARGUMENTS, { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const end = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const patience = setTimeout(() => child.kill('SIGKILL'), PATIENCE.start);
    await ended;
    clearTimeout(patience);
  };
  try {
    return { url: await listeningUrl(child), end };
  } catch (error) {
    if (child.pid !== undefined) await end();
    throw error;
  }
}

/** The hub takes each variable of its prefix for a setting, and is to have none but those of the test. */
function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PRESENCE_HUB_')));
}

/** Reads the hub's output until it says where it listens. */
function listeningUrl(child) {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (why) => {
      clearTimeout(patience);
      reject(new Error(`${BINARY}: ${why}\n${output}`));
    };
    const patience = setTimeout(() => fail('did not say where it listens'), PATIENCE.start);
    const read = (chunk) => {
      output += chunk;
      const found = /listens on (http:\/\/127\.0\.0\.1:\d+)/.exec(output);
      if (!found) return;
      clearTimeout(patience);
      output = '';
      resolve(found[1]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', (chunk) => (output = (output + chunk).slice(-4_000)));
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`ended with ${code}`));
  });
}
