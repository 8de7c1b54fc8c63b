// Tabs of a headless Chromium, in which the hub's own client module speaks on `/ws`.

import { chromium } from 'playwright-core';
import { PATIENCE } from '../../kit/patience.mjs';

const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export function openBrowser() {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}

/** One tab: somebody who is present in a topic. */
export class Tab {
  static async open(browser, hub, person, topic, content) {
    const tab = new Tab();
    tab.page = await (await browser.newContext()).newPage();
    tab.page.setDefaultTimeout(PATIENCE.start);
    await tab.page.goto(`${hub.url}/presence-client.js`);
    await tab.page.evaluate(join, { token: person.token, name: topic, content });
    return tab;
  }

  /** The members, as `rosterOf` gives them. */
  roster() {
    return this.page.evaluate(() => [...globalThis.members].sort());
  }

  /** Who this tab was told has left. */
  left() {
    return this.page.evaluate(() => globalThis.left);
  }

  set(content) {
    return this.page.evaluate((partial) => globalThis.topic.set(partial), content);
  }
}

/* Runs in the page. */
async function join({ token, name, content }) {
  const { createHub } = await import('/presence-client.js');
  const topic = createHub({ token }).topic(name);
  const members = new Map();
  const keep = ({ member }) => members.set(member.party._id, member.content.n);
  Object.assign(globalThis, { topic, members, left: [] });
  topic.on('sync', ({ members: all }) => {
    members.clear();
    for (const member of all) keep({ member });
  });
  topic.on('join', keep);
  topic.on('update', keep);
  topic.on('leave', ({ member }) => {
    globalThis.left.push(member.party._id);
    members.delete(member.party._id);
  });
  await topic.track(content);
}
