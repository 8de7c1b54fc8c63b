// Clients of other dialects in a topic that PubNub's share: pusher-js, socket.io-client and `/ws`.

import { JavaScriptClient as PusherClient } from '../../pusher-clients/kit/clients/javascript.mjs';
import { NativeClient } from '../../pusher-clients/kit/clients/native.mjs';
import { Endpoint } from '../../pusher-clients/kit/endpoint.mjs';
import { JavaScriptClient as SpacesClient } from '../../spaces/kit/clients/javascript.mjs';
import { mint } from '../../spaces/kit/token.mjs';
import { Wire } from '../../kit/wire.mjs';

/** A pusher-js client that is a member of a presence channel. */
export async function pusher(scene, id, channel, info = { name: id }) {
  const endpoint = await Endpoint.start([scene.app]);
  const wire = await Wire.to(scene.hub.port);
  const client = new PusherClient({ name: 'Pusher' }, id, wire, { app: scene.app, endpoint: endpoint.url, user: { user_id: id, user_info: info } });
  scene.keep({ dispose: () => client.dispose().then(() => endpoint.end()) });
  await client.open();
  await client.connected();
  await client.subscribe(channel);
  return client;
}

/** A socket.io-client that is in a topic with this content. */
export async function spaces(scene, id, topic, content) {
  const token = mint({ sub: id, displayname: `${id} of Spaces`, username: `${id}@example.test` }, scene.app);
  const client = new SpacesClient({ name: 'J4' }, { id, token }, await Wire.to(scene.hub.port), { reconnection: false });
  scene.keep(client);
  client.open();
  await client.connected();
  await client.subscribe(topic);
  client.emit('SEND_PRESENCE_EVENT', { category: 'app.event.presence.request.parties', topicId: topic });
  await client.online(topic, content);
  return client;
}

/** A client of `/ws` that is in a topic with this content. If it asks who is there, that is seen in the topic. */
export async function native(scene, id, topic, content, asks = true) {
  const client = await new NativeClient(id, scene.hub.port, scene.app).connected();
  scene.keep(client);
  await client.subscribe(topic);
  if (asks) client.say('SEND_PRESENCE_EVENT', { category: 'app.event.presence.request.parties', topicId: topic });
  await client.online(topic, content);
  return client;
}
