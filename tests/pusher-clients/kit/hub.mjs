// The hub of a test file, with as many apps as the file wants.

import { launch, pairs } from '../../kit/hub.mjs';

/** What every hub of the tests has; a file's own settings come over it. */
const SETTINGS = {
  listen: '127.0.0.1:0',
  'admin.listen': '127.0.0.1:0',
  'log.level': 'warn',
  'limits.subscribes_per_second': 1_000,
  'limits.connections_per_party': 64,
};

/** What every app of the tests has. */
const PUSHER = { client_events: true, subscription_count: true, watchlist: true };

/** Starts a hub. `apps` are keys of each: the app's own, `pusher` for those of the dialect, `webhooks` for its endpoints. */
export function startHub({ settings = {}, apps = [] } = {}) {
  const app = ({ pusher, webhooks = [], ...keys }) => [
    '[[apps]]\n',
    ...pairs(keys),
    '[apps.pusher]\n',
    ...pairs({ ...PUSHER, ...pusher }),
    ...webhooks.flatMap((webhook) => ['[[apps.webhooks]]\n', ...pairs(webhook)]),
  ];
  return launch([...pairs({ ...SETTINGS, ...settings }), ...apps.flatMap(app)].join(''));
}
