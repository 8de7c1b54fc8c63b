// The hub of a test file, with as many apps as the file wants.

import { launch, pairs } from '../../kit/hub.mjs';

/** What every hub of the tests has; a file's own settings come over it. */
const SETTINGS = {
  listen: '127.0.0.1:0',
  'admin.listen': '127.0.0.1:0',
  'log.level': 'warn',
};

/** What every app of the tests has: anybody may do anything, unless a test is about that. */
const PUBNUB = { access_manager: false };

/** Starts a hub. `apps` are keys of each: the app's own, `pubnub` and `pusher` for those of the dialects, and `webhooks`, a list. */
export function startHub({ settings = {}, apps = [] } = {}) {
  const app = ({ pubnub, pusher = {}, webhooks = [], ...keys }) => [
    '[[apps]]\n',
    ...pairs(keys),
    '[apps.pubnub]\n',
    ...pairs({ ...PUBNUB, ...pubnub }),
    '[apps.pusher]\n',
    ...pairs(pusher),
    ...webhooks.flatMap((one) => ['[[apps.webhooks]]\n', ...pairs(one)]),
  ];
  return launch([...pairs({ ...SETTINGS, ...settings }), ...apps.flatMap(app)].join(''));
}
