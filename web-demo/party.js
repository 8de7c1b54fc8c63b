// How a party is shown: its name, its picture or initials, and the badges of its state.

import { icon, make } from './dom.js';

const TONES = 12;
const LONGEST_NAME = 120;

/** Control characters, and those that reverse or hide text. Joiners stay: names and emoji need them. */
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** The name to show: never empty, never endless, and without what would make it read as another one. */
export function nameOf(party) {
  const given = party.displayname || party.username || party._id;
  const visible = String(given).replace(INVISIBLE, '').trim();
  const letters = [...(visible || party._id)];
  return letters.length > LONGEST_NAME ? `${letters.slice(0, LONGEST_NAME).join('')}…` : letters.join('');
}

/** An element with the name in it, isolated from the direction of the text around it. */
export function nameElement(party, className = 'name') {
  return make('bdi', { class: className, text: nameOf(party) });
}

/** A picture if the party has an acceptable one, else its initials on a colour of its own. */
export function avatar(party) {
  const frame = make('span', { class: `avatar tone-${toneOf(party._id)}`, 'aria-hidden': 'true' });
  frame.append(make('span', { class: 'initials', text: initialsOf(nameOf(party)) }));
  const source = pictureOf(party);
  if (source) {
    const picture = make('img', { src: source, alt: '', loading: 'lazy', referrerpolicy: 'no-referrer' });
    picture.addEventListener('error', () => picture.remove());
    frame.append(picture);
  }
  return frame;
}

/** What a member's content says, in words; the order is that of the badges. */
export function badgesOf({ content, sessions, party }) {
  const media = content?.mediaSession ?? {};
  const badges = [];
  if (media.audio === true && media.selfMuted !== true) badges.push({ key: 'mic', label: 'microphone on' });
  if (media.selfMuted === true) badges.push({ key: 'muted', label: 'muted' });
  if (media.video === true) badges.push({ key: 'camera', label: 'camera on' });
  if (media.screenshare === true) badges.push({ key: 'screen', label: 'sharing the screen' });
  if (media.phone === true || party?.type === 'phone') badges.push({ key: 'phone', label: 'on the phone' });
  if (content?.idle === true) badges.push({ key: 'away', label: 'away' });
  if (sessions > 1) badges.push({ key: 'tabs', label: `${sessions} tabs`, text: `${sessions} tabs` });
  return badges;
}

export function badgeElement({ key, label, text }) {
  const badge = make('span', { class: `badge badge-${key}`, title: label, 'data-badge': key }, icon(key));
  badge.append(text ? make('span', { text }) : make('span', { class: 'unseen', text: label }));
  return badge;
}

/** One word for the ring around the avatar. */
export function statusOf({ content }) {
  if (content?.idle === true) return 'away';
  const media = content?.mediaSession ?? {};
  return media.audio === true || media.video === true || media.screenshare === true || media.phone === true ? 'busy' : 'active';
}

function toneOf(id) {
  let hash = 2166136261;
  for (const letter of String(id)) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
  return (hash >>> 0) % TONES;
}

function initialsOf(name) {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
  const first = [...(words[0] ?? '?')][0];
  const last = words.length > 1 ? [...words[words.length - 1]][0] : '';
  return (first + last).toUpperCase();
}

/** Only what the page's policy lets it load as a picture; anything else is no picture. */
function pictureOf({ picture_url: url }) {
  if (typeof url !== 'string' || url === '') return null;
  if (/^data:image\/(png|jpeg|gif|webp|avif);base64,/i.test(url)) return url;
  try {
    const { protocol, origin, href } = new URL(url);
    return protocol === 'https:' || (protocol === 'http:' && origin === location.origin) ? href : null;
  } catch {
    return null;
  }
}
