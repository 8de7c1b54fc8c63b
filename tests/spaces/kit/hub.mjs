// A hub of its own for a test file.

import { launch, pairs } from '../../kit/hub.mjs';
import { APP } from './token.mjs';

export const ADMIN_TOKEN = 'the admin token of the tests';

/** Graces by the beginning of a topic's name, in milliseconds. Other topics have that of `patient`. */
export const GRACE = { brief: 400, patient: 3_000 };

/** What every hub of the tests has; a file's own settings come over it. */
const SETTINGS = {
  listen: '127.0.0.1:0',
  'admin.listen': '127.0.0.1:0',
  'admin.token': ADMIN_TOKEN,
  'log.level': 'warn',
  'presence.grace': `${GRACE.patient}ms`,
  'limits.subscribes_per_second': 1_000,
  'limits.connections_per_party': 64,
  'socketio.ping_interval': '1500ms',
  'socketio.ping_timeout': '1500ms',
};

/** Starts a hub. `settings` are keys of its configuration, `app` keys of its app. */
export function startHub({ settings = {}, app = {} } = {}) {
  const { id, key, secret } = APP;
  const lines = [
    ...pairs({ ...SETTINGS, ...settings }),
    '[[apps]]\n',
    ...pairs({ id, key, secret, leeway: '0s', ...app }),
    '[[apps.topics]]\n',
    ...pairs({ pattern: 'brief:*', grace: `${GRACE.brief}ms` }),
  ];
  return launch(lines.join(''));
}
