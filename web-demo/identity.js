// Who this tab is: kept in storage, so that tabs of one browser are one person and `?as=new` is another.

import { sharedId } from './shared-id.js';

const KEY = 'presence-hub.identity';
const FIRST = ['Amber', 'Brisk', 'Calm', 'Clever', 'Dusky', 'Gentle', 'Lucid', 'Mellow', 'Nimble', 'Quiet', 'Sunny', 'Tidal'];
const SECOND = ['Otter', 'Heron', 'Lynx', 'Wren', 'Badger', 'Finch', 'Marten', 'Hare', 'Osprey', 'Robin', 'Seal', 'Vole'];

/** The address of this page, as it is, for somebody else. */
export function addressOfSomebodyElse() {
  const url = new URL(location.href);
  url.searchParams.delete('name');
  url.searchParams.set('as', 'new');
  return `${url.pathname}${url.search}${url.hash}`;
}

/** An identity, and the tokens the demo app issues for it. */
export class Identity {
  #store;
  #token = null;

  constructor() {
    const { searchParams } = new URL(location.href);
    this.isSomebodyElse = searchParams.get('as') === 'new';
    this.#store = openStore(this.isSomebodyElse ? 'sessionStorage' : 'localStorage');
    const kept = this.#read();
    this.id = kept._id;
    this.displayname = kept.displayname || searchParams.get('name') || inventName();
  }

  /** A token for the hub; a fresh one when the old one is refused or about to expire. */
  async token({ why } = {}) {
    if (this.#token && why !== 'refused' && why !== 'expiring') return this.#token;
    this.#token = await this.#issue();
    return this.#token;
  }

  /** What the demo app's backend signs for a subscription of Pusher's protocol, in the name of this identity. */
  async signature(socketId, channel) {
    const body = new URLSearchParams({ socket_id: socketId, channel_name: channel });
    const ask = async (why) => {
      const authorization = `jwt ${await this.token({ why })}`;
      return fetch('/api/demo/pusher/auth', { method: 'POST', headers: { authorization }, body });
    };
    let response = await ask('start');
    if (response.status === 401) response = await ask('refused');
    if (!response.ok) throw new Error(`the demo app signed nothing (HTTP ${response.status})`);
    return response.json();
  }

  /** The token to show to the REST interface. */
  get authorization() {
    return `jwt ${this.#token}`;
  }

  rename(displayname) {
    this.displayname = displayname;
    this.#token = null;
    this.#write();
  }

  /** Calls back when another tab of the same person has changed the name. */
  onRenamedElsewhere(renamed) {
    addEventListener('storage', ({ key, storageArea }) => {
      if (key !== KEY || storageArea !== this.#store) return;
      const { displayname } = this.#read();
      if (!displayname || displayname === this.displayname) return;
      this.displayname = displayname;
      this.#token = null;
      renamed(displayname);
    });
  }

  async #issue() {
    // Two tabs that open at once must not become two people.
    this.id ??= this.#read()._id ?? (this.isSomebodyElse ? undefined : await sharedId(KEY));
    const request = { displayname: this.displayname, ...(this.id && { _id: this.id }) };
    const response = await fetch('/api/demo/token', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    if (!response.ok) throw new Error(`the demo app gave no token (HTTP ${response.status})`);
    const { token, _id } = await response.json();
    this.id = _id;
    this.#write();
    return token;
  }

  #read() {
    try {
      const kept = JSON.parse(this.#store.getItem(KEY));
      const text = (value) => (typeof value === 'string' ? value : undefined);
      return { _id: text(kept?._id), displayname: text(kept?.displayname) };
    } catch {
      return {};
    }
  }

  #write() {
    const { id, displayname } = this;
    this.#store.setItem(KEY, JSON.stringify({ _id: id, displayname }));
  }
}

/** A guest's token, as any anonymous visitor gets one. */
export async function guestToken(displayname) {
  const response = await fetch('/api/anonymous/auth', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ displayname }),
  });
  if (!response.ok) throw new Error(`no guest token (HTTP ${response.status})`);
  return (await response.json()).token;
}

function inventName() {
  const pick = (words) => words[Math.floor(Math.random() * words.length)];
  return `${pick(FIRST)} ${pick(SECOND)}`;
}

/** A storage of the browser, or one that lasts as long as the page where the browser forbids it. */
function openStore(kind) {
  try {
    const store = globalThis[kind];
    store.getItem(KEY);
    return store;
  } catch {
    const kept = new Map();
    return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  }
}
