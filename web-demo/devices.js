// The person's own devices: switches whose truth is what the hub says, shared by all tabs of the person.

import { byId, icon, make } from './dom.js';

const SWITCHES = [
  { key: 'audio', name: 'Mic', image: 'mic' },
  { key: 'selfMuted', name: 'Mute', image: 'muted' },
  { key: 'video', name: 'Camera', image: 'camera' },
  { key: 'screenshare', name: 'Share', image: 'screen' },
  { key: 'phone', name: 'Phone', image: 'phone' },
];

/** A media session with everything off. */
export const ALL_OFF = Object.freeze({ connected: false, audio: false, video: false, screenshare: false, selfMuted: false, phone: false });

/** The row of switches. */
export class DevicesView {
  #buttons = new Map();
  #media = ALL_OFF;

  /** @param {(change: object) => void} changed Receives what is to be merged into the media session. */
  constructor(changed) {
    for (const { key, name, image } of SWITCHES) {
      const press = () => changed(switched(this.#media, key));
      const button = make('button', { type: 'button', class: 'device', 'aria-pressed': 'false', 'data-device': key, onclick: press });
      button.append(icon(image), make('span', { text: name }));
      this.#buttons.set(key, button);
      byId('devices').append(button);
    }
  }

  /** @param {object | undefined} media The media session as it is; undefined while not present. */
  show(media) {
    this.#media = { ...ALL_OFF, ...media };
    for (const [key, button] of this.#buttons) {
      button.setAttribute('aria-pressed', String(this.#media[key] === true));
      button.disabled = media === undefined;
    }
  }
}

function switched(media, key) {
  const next = { ...media, [key]: media[key] !== true };
  const connected = next.audio === true || next.video === true || next.screenshare === true || next.phone === true;
  return { [key]: next[key], connected };
}
