// Who is in presence-room-1, and what they say: pusher-js as it comes, with another host and port.

const byId = (id) => document.getElementById(id);
localStorage.name ??= `Visitor ${Math.floor(Math.random() * 1_000)}`;
const name = new URL(location.href).searchParams.get('name') || localStorage.name;

const pusher = new Pusher('example-key', {
  wsHost: '127.0.0.1',
  wsPort: 8080,
  forceTLS: false,
  enabledTransports: ['ws'],
  cluster: 'self-hosted', // pusher-js wants one, and does not use it where wsHost is given
  channelAuthorization: { endpoint: '/pusher/auth', transport: 'ajax', params: { name } },
});
pusher.connection.bind('state_change', ({ current }) => (byId('state').textContent = current));

const room = pusher.subscribe('presence-room-1');
room.bind('pusher:subscription_succeeded', drawMembers);
room.bind('pusher:member_added', drawMembers);
room.bind('pusher:member_removed', drawMembers);
room.bind('pusher:subscription_error', ({ error }) => log(`not subscribed: ${error}`));
room.bind('announcement', ({ text }) => log(`announcement: ${text}`));
room.bind('client-message', (text, { user_id }) => log(`${nameOf(user_id)}: ${text}`));

byId('say').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = byId('words').value.trim();
  if (text && room.trigger('client-message', text)) log(`${name}: ${text}`);
  byId('words').value = '';
});

function nameOf(userId) {
  return room.members.get(userId)?.info?.name ?? userId;
}

function drawMembers() {
  const items = [];
  room.members.each(({ id: userId, info }) => {
    const item = document.createElement('li');
    item.textContent = `${info?.name ?? userId}${userId === room.members.myID ? ' (you)' : ''}`;
    items.push(item);
  });
  byId('members').replaceChildren(...items);
}

function log(text) {
  const line = document.createElement('li');
  line.textContent = text;
  byId('log').prepend(line);
}
