// Serves the page, and signs the subscriptions of whoever says a name. A real application would ask for a password first.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { pusher } from './app.mjs';

const FILES = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.mjs': ['page.mjs', 'text/javascript; charset=utf-8'],
  '/pusher.min.js': ['node_modules/pusher-js/dist/web/pusher.min.js', 'text/javascript; charset=utf-8'],
};

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://127.0.0.1');
  if (request.method === 'POST' && pathname === '/pusher/auth') return sign(request, response);
  const [file, type] = FILES[pathname] ?? [];
  if (!file) return response.writeHead(404).end();
  response.writeHead(200, { 'content-type': type }).end(await readFile(new URL(file, import.meta.url)));
});

async function sign(request, response) {
  const chunks = await request.toArray();
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const name = form.get('name') || 'somebody';
  const user = { user_id: name.toLowerCase(), user_info: { name } };
  try {
    const signed = pusher.authorizeChannel(form.get('socket_id'), form.get('channel_name'), user);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(signed));
  } catch (error) {
    response.writeHead(400, { 'content-type': 'text/plain' }).end(error.message);
  }
}

server.listen(3000, '127.0.0.1', () => console.log('open http://127.0.0.1:3000/?name=Ann, and in another tab http://127.0.0.1:3000/?name=Bob'));
