// What `host.mjs` starts for the JavaScript SDK (Js): questions come as JSON lines, answers and what came to clients go as such.

import { createInterface } from 'node:readline';
import PubNub from 'pubnub';

const clients = new Map();
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
// Standard output is for lines; the SDK writes its warnings there.
console.log = console.warn = (...words) => process.stderr.write(`${words.join(' ')}\n`);

function open({ client, options }) {
  const { port, user, subscribeKey, publishKey, secretKey, auth, timeout, interval, filter } = options;
  const more = { ...(secretKey && { secretKey }), ...(auth && { authKey: auth }), ...(timeout && { presenceTimeout: timeout }), ...(interval && { heartbeatInterval: interval }) };
  const pubnub = new PubNub({ subscribeKey, publishKey, userId: user, origin: `127.0.0.1:${port}`, ssl: false, ...more });
  if (filter) pubnub.setFilterExpression(filter);
  const told = ({ timetoken, userMetadata, ...rest }) => ({ ...rest, tt: timetoken, meta: userMetadata });
  pubnub.addListener({
    status: ({ category, operation, affectedChannels, affectedChannelGroups, statusCode, error, errorData }) =>
      tell({ client, event: '@status', payload: { category, operation, channels: affectedChannels ?? errorData?.payload?.channels, groups: affectedChannelGroups ?? errorData?.payload?.['channel-groups'], status: statusCode, isError: error } }),
    presence: (event) => tell({ client, event: '@presence', payload: told(event) }),
    message: (event) => tell({ client, event: '@message', payload: told(event) }),
    signal: (event) => tell({ client, event: '@signal', payload: told(event) }),
  });
  clients.set(client, pubnub);
}

const named = ({ channels = [], groups = [] }) => ({ channels, channelGroups: groups });

const doers = {
  subscribe: (pubnub, asked) => pubnub.subscribe({ ...named(asked), withPresence: asked.presence === true }),
  unsubscribe: (pubnub, asked) => pubnub.unsubscribe(named(asked)),
  unsubscribeAll: (pubnub) => pubnub.unsubscribeAll(),
  reconnect: (pubnub) => pubnub.reconnect(),
  setAuth: (pubnub, { auth }) => pubnub.setToken(auth),
  parseToken: (pubnub, { token }) => pubnub.parseToken(token),
  publish: async (pubnub, { channel, message, meta, post, store }) => (await pubnub.publish({ channel, message, meta, sendByPost: post, storeInHistory: store })).timetoken,
  fire: async (pubnub, { channel, message }) => (await pubnub.fire({ channel, message })).timetoken,
  signal: async (pubnub, { channel, message }) => (await pubnub.signal({ channel, message })).timetoken,
  hereNow: async (pubnub, asked) => {
    const { channels, totalChannels, totalOccupancy } = await pubnub.hereNow({ ...named(asked), includeState: asked.state === true, includeUUIDs: asked.uuids !== false });
    return { channels, totalChannels, totalOccupancy };
  },
  whereNow: async (pubnub, { uuid }) => (await pubnub.whereNow({ uuid })).channels,
  setState: async (pubnub, asked) => (await pubnub.setState({ ...named(asked), state: asked.state })).state,
  getState: async (pubnub, asked) => (await pubnub.getState({ ...named(asked), uuid: asked.uuid })).channels,
  addToGroup: (pubnub, { channels, group }) => pubnub.channelGroups.addChannels({ channels, channelGroup: group }),
  removeFromGroup: (pubnub, { channels, group }) => pubnub.channelGroups.removeChannels({ channels, channelGroup: group }),
  listGroup: async (pubnub, { group }) => (await pubnub.channelGroups.listChannels({ channelGroup: group })).channels,
  deleteGroup: (pubnub, { group }) => pubnub.channelGroups.deleteGroup({ channelGroup: group }),
  listGroups: async (pubnub) => (await pubnub.channelGroups.listGroups()).groups,
  time: async (pubnub) => String((await pubnub.time()).timetoken),
  history: async (pubnub, { channel }) => (await pubnub.history({ channel, stringifiedTimeToken: true })).messages.map(({ entry, timetoken }) => ({ message: entry, tt: timetoken })),
  grant: (pubnub, { ttl, uuid, meta, ...asked }) =>
    pubnub.grantToken({ ttl, meta, authorized_uuid: uuid, resources: granted(asked.channels, asked.groups), patterns: granted(asked.channelsPatterns, asked.groupsPatterns) }),
  revoke: (pubnub, { token }) => pubnub.revokeToken(token),
  dispose: (pubnub) => pubnub.stop(),
};

/** Lists of permissions as the SDK takes them, which takes none that are empty. */
function granted(channels = {}, groups = {}) {
  const all = (names) => Object.fromEntries(Object.entries(names).map(([name, allowed]) => [name, Object.fromEntries(allowed.map((one) => [one, true]))]));
  return Object.keys({ ...channels, ...groups }).length === 0 ? undefined : { channels: all(channels), groups: all(groups) };
}

async function obey(line) {
  const { number, do: what, client } = line;
  try {
    const result = what === 'open' ? open(line) : await doers[what](clients.get(client), line);
    tell({ answers: number, result: result ?? null });
  } catch ({ name, message, status, stack }) {
    const text = status?.errorData?.error?.message ?? status?.errorData?.message ?? status?.message ?? message;
    const of = status?.errorData?.payload ?? {};
    tell({ answers: number, raised: { name, text: String(text), status: status?.statusCode, category: status?.category, channels: of.channels, groups: of['channel-groups'], stack: status ? undefined : stack } });
  }
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => obey(JSON.parse(line)));
lines.on('close', () => process.exit(0));
