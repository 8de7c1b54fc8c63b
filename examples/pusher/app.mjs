// The app as its backend knows it: what changes when it moves to presence-hub is the host, the port, the key and the secret.

import Pusher from 'pusher';

export const pusher = new Pusher({
  appId: '1',
  key: 'example-key',
  secret: process.env.PUSHER_SECRET ?? 'example-secret-for-this-machine-only',
  host: '127.0.0.1',
  port: '8080',
  useTLS: false,
});
