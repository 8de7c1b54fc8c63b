// Triggers an event and asks who is there: node trigger.mjs [words...]

import { pusher } from './app.mjs';

const CHANNEL = 'presence-room-1';
const text = process.argv.slice(2).join(' ') || 'Hello from the backend';

await pusher.trigger(CHANNEL, 'announcement', { text });
const response = await pusher.get({ path: `/channels/${CHANNEL}/users` });
const { users } = await response.json();
console.log(`told ${users.length} in ${CHANNEL}: ${users.map(({ id }) => id).join(', ')}`);
