// The application's own endpoints, which sign what its clients want: channels and users.

import { createServer } from 'node:http';
import { once } from 'node:events';
import Pusher from 'pusher';

/** The key that encrypted channels of the tests are made from. */
export const MASTER_KEY = Buffer.from(Array.from({ length: 32 }, (_, n) => n)).toString('base64');

/** An application's backend for all apps of a file. Who somebody is, clients say themselves: it is a test. */
export class Endpoint {
  #server;
  /** The requests that came: {path, form}. */
  requests = [];

  static async start(apps) {
    const endpoint = new Endpoint();
    endpoint.#server = createServer((request, response) => endpoint.#answer(apps, request, response));
    endpoint.#server.listen(0, '127.0.0.1');
    await once(endpoint.#server, 'listening');
    endpoint.url = `http://127.0.0.1:${endpoint.#server.address().port}`;
    return endpoint;
  }

  async #answer(apps, request, response) {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { pathname } = new URL(request.url, this.url);
    const form = Object.fromEntries(new URLSearchParams(body));
    this.requests.push({ path: pathname, form });
    const [, id, ...rest] = pathname.split('/');
    const app = apps.find((one) => one.id === id);
    const said = app && request.method === 'POST' && sign(app, rest.join('/'), form);
    response.writeHead(said ? 200 : 403, { 'content-type': 'application/json', 'access-control-allow-origin': '*' });
    response.end(said ? JSON.stringify(said) : '"no"');
  }

  async end() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** What the application says. `user` in the form is who the client is, as JSON. */
function sign({ id, key, secret }, path, form) {
  const pusher = new Pusher({ appId: id, key, secret, encryptionMasterKeyBase64: MASTER_KEY });
  const user = form.user && JSON.parse(form.user);
  if (path.endsWith('user-auth')) return user && pusher.authenticateUser(form.socket_id, user);
  const channel = form.channel_name;
  if (channel.startsWith('presence-')) return pusher.authorizeChannel(form.socket_id, channel, user);
  if (channel.startsWith('private-')) return pusher.authorizeChannel(form.socket_id, channel);
  return undefined;
}
