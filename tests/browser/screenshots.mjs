// Takes pictures of the demo page, with people in every state: node screenshots.mjs [folder]

import { mkdir } from 'node:fs/promises';
import { openStage, PATIENCE } from './stage.mjs';

const FOLDER = process.argv[2] ?? 'screenshots';
const DESK = { viewport: { width: 1360, height: 820 }, deviceScaleFactor: 2 };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const TOPIC = 'lobby';

const CAST = [
  { name: 'Grace Hopper', presses: ['audio', 'video'], says: 'The build is green again.' },
  { name: 'Ada Lovelace', presses: ['audio', 'selfMuted'], tabs: 2, says: 'Two tabs here, one person there. As it should be.' },
  { name: 'Edsger Dijkstra', presses: ['phone'], says: 'Simplicity is prerequisite for reliability.' },
  { name: 'София Ковалевская', presses: ['screenshare', 'audio'] },
  { name: 'نور الهدى', presses: [] },
];

const stage = await openStage();
try {
  await mkdir(FOLDER, { recursive: true });
  const watcher = await stage.person('Katherine Johnson', { ...DESK, colorScheme: 'light' });
  const desk = await watcher.tab(TOPIC);
  const typist = await playScene(desk);
  await desk.say('Cut my network, and nobody will notice for a while.');
  await shoot(desk, 'desk-light', typist);
  await desk.page.emulateMedia({ colorScheme: 'dark' });
  await shoot(desk, 'desk-dark', typist);
  await desk.page.setViewportSize({ width: 900, height: 900 });
  await shoot(desk, 'tablet-dark', typist);
  await shootPhone(typist);
  await shootPusher();
} finally {
  await stage.close();
}

/** Everybody comes, does something, and one leaves; gives the tab that will type. */
async function playScene(desk) {
  let typist;
  for (const { name, presses, tabs = 1, says } of CAST) {
    const person = await stage.person(name);
    const tab = await person.tab(TOPIC);
    for (let n = 1; n < tabs; n += 1) await person.tab(TOPIC);
    for (const device of presses) await tab.press(`[data-device="${device}"]`);
    if (says) await tab.say(says);
    typist ??= tab;
  }
  const visitor = await stage.person('Alan Turing');
  const visit = await visitor.tab(TOPIC);
  await visit.press('#presence-toggle');
  await visit.close();
  await desk.badge('Ada Lovelace', 'tabs').waitFor({ timeout: PATIENCE.change });
  await desk.press('[data-device="audio"]');
  return typist;
}

async function shootPhone(typist) {
  const person = await stage.person('Hedy Lamarr', { ...PHONE, colorScheme: 'light' });
  const phone = await person.tab(TOPIC);
  await typist.say('Hello, Hedy!');
  await phone.page.locator('.message').first().waitFor();
  await shoot(phone, 'phone-light-chat', typist);
  for (const view of ['people', 'tape', 'break']) {
    await phone.press(`.tabs [data-show="${view}"]`);
    await shoot(phone, `phone-light-${view}`);
  }
}

/** A tab that speaks Pusher's protocol, in company that does not. */
async function shootPusher() {
  const room = 'presence-room-1';
  const company = await Promise.all(CAST.slice(0, 2).map(async ({ name }) => (await stage.person(name)).tab(room)));
  const person = await stage.person('Barbara Liskov', { ...DESK, colorScheme: 'light' });
  const tab = await person.tab(room, { query: '&dialect=pusher' });
  await company[0].press('[data-device="video"]');
  await company[0].say('This tab speaks the native dialect.');
  await tab.page.locator('.message').first().waitFor();
  await tab.say('And this one Pusher Channels.');
  await company[1].press('#presence-toggle');
  await tab.hasMembers(2);
  await shoot(tab, 'desk-pusher');
}

/** A picture, while `typist` (if any) is typing and after every motion has ended. */
async function shoot(tab, name, typist) {
  if (typist) {
    const isTyping = tab.holds('somebody types', PATIENCE.change, () => document.querySelector('#typing.is-on'));
    await typist.page.locator('#composer-text').pressSequentially('and so on and so forth', { delay: 150 });
    await isTyping;
  }
  await tab.page.screenshot({ path: `${FOLDER}/${name}.png`, animations: 'disabled' });
  console.log(`${FOLDER}/${name}.png`);
}
