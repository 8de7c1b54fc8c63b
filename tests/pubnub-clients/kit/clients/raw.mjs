// Requests by hand (raw): a plain HTTP client that sends a target to the letter, and polls as newer and older SDKs do.

import { Agent, request } from 'node:http';
import { Client } from './client.mjs';
import { PATIENCE, within } from '../../../kit/patience.mjs';

/** Sends one request. The target is not touched. Gives {status, headers, text, body, ms}. */
export function send(port, target, { method = 'GET', headers = {}, body, agent, signal, patience = 2 * PATIENCE.leave } = {}) {
  const begun = performance.now();
  const answer = new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path: target, method, headers, agent, signal }, async (response) => {
      try {
        let text = '';
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode, headers: response.headers, text, ms: performance.now() - begun });
      } catch (error) {
        reject(error);
      }
    });
    asked.on('error', reject);
    asked.end(body);
  });
  const read = answer.then((said) => ({ ...said, get body() { return JSON.parse(said.text); } }));
  return within(patience, () => `an answer to ${method} ${target}`, read);
}

/**
 * A client by hand. `query` is what each of its requests has besides (`pnsdk`, `heartbeat`, `auth`...), `anonymous` leaves out the uuid. `subscribe` polls on until it is
 * disposed of; entries are kept in `entries` as they came. `names` of it are sent as they are.
 */
export class RawClient extends Client {
  entries = [];
  #agent = new Agent({ keepAlive: true });
  #polling = new AbortController();

  async open() {}

  /** The target of a request: `{sub}` and `{pub}` are the app's keys. */
  target(path, query = {}) {
    const { subscribeKey, publishKey, query: own, anonymous } = this.options;
    const all = Object.entries({ ...(anonymous ? {} : { uuid: encodeURIComponent(this.user) }), ...own, ...query });
    const text = all.map(([key, value]) => `${key}=${value}`).join('&');
    return `${path.replaceAll('{sub}', subscribeKey).replaceAll('{pub}', publishKey)}?${text}`;
  }

  /** One request. What stands in `query` is encoded already. */
  get(path, query, more = {}) {
    return send(this.options.port, this.target(path, query), { agent: this.#agent, ...more });
  }

  /** One poll; `names` and `groups` are texts that are sent as they are. */
  poll(names, { tt, tr = 1, groups, ...query } = {}, more = {}) {
    const cursor = tt === undefined ? {} : { tt, ...(tt !== 0 && { tr }) };
    return this.get(`/v2/subscribe/{sub}/${names}/0`, { ...cursor, ...(groups && { 'channel-group': groups }), ...query }, { agent: undefined, ...more });
  }

  /** The cursor of a handshake. */
  async handshake(names, query = {}) {
    const { body, status, text } = await this.poll(names, { tt: 0, ...query });
    if (status !== 200) throw new Error(`a handshake was answered ${status} ${text}`);
    return body.t.t;
  }

  /** A poll that is held by the hub, which has answered what was asked after it: {answer, close}. */
  async hold(names, query) {
    const stop = new AbortController();
    const answer = this.poll(names, query, { signal: stop.signal });
    answer.catch(() => {});
    for (let n = 0; n < 2; n += 1) await send(this.options.port, '/time/0');
    return { answer, close: () => stop.abort() };
  }

  /** One heartbeat. `state` is by channel. */
  beat(channels = [], { heartbeat = 300, state, groups } = {}) {
    const query = { heartbeat, ...(state && { state: encodeURIComponent(JSON.stringify(state)) }), ...(groups && { 'channel-group': groups.join(',') }) };
    return this.get(`/v2/presence/sub-key/{sub}/channel/${channels.join(',') || ','}/heartbeat`, query);
  }

  async call(what, asked) {
    if (what === 'subscribe') return this.#subscribe(asked);
    this.#polling.abort();
    this.#polling = new AbortController();
    const { channels = [] } = asked ?? {};
    return this.get(`/v2/presence/sub-key/{sub}/channel/${channels.join(',') || ','}/leave`);
  }

  async #subscribe({ channels = [], groups = [], presence, names, tt }) {
    const both = (some) => some.flatMap((name) => (presence ? [name, `${name}-pnpres`] : [name])).join(',');
    const list = names ?? (both(channels) || ',');
    const query = groups.length > 0 ? { groups: both(groups) } : {};
    const cursor = tt ?? (await this.handshake(list, query));
    this.inbox.put('@connected', { tt: cursor });
    this.#follow(list, query, cursor).catch((error) => this.#polling.signal.aborted || this.inbox.put('@failed', { error }));
  }

  async #follow(list, query, begin) {
    const { signal } = this.#polling;
    let tt = begin;
    while (!signal.aborted) {
      const { status, body, text } = await this.poll(list, { tt, ...query }, { signal, patience: 400_000 });
      if (status !== 200) throw new Error(`${status} ${text}`);
      tt = body.t.t;
      body.m.forEach((entry) => this.#read(entry));
    }
  }

  #read(entry) {
    this.entries.push(entry);
    const { c, b, d, p, i, u, e } = entry;
    const of = { channel: c, subscription: b, tt: p.t };
    if (!c.endsWith('-pnpres')) return this.came(e === 1 ? '@signal' : '@message', { ...of, message: d, publisher: i, meta: u });
    const { data, ...rest } = d;
    this.came('@presence', { ...of, ...rest, state: data });
  }

  async dispose() {
    this.#polling.abort();
    this.#agent.destroy();
  }
}
