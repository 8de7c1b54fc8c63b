// Tokens as an app's backend makes them: JWTs, HS256, `kid` names the app.

import { createHmac } from 'node:crypto';

export const APP = { id: '1', key: 'spaces-key', secret: 'a secret of the tests only, long enough' };

/** What a backend connection authenticates with. */
export const BASIC = `Basic ${Buffer.from(`${APP.key}:${APP.secret}`).toString('base64')}`;

/** A signed token with these claims; `life` in seconds from now may be negative. */
export function mint(claims, { life = 3600, key = APP.key, secret = APP.secret } = {}) {
  const header = part({ alg: 'HS256', typ: 'JWT', kid: key });
  const body = part({ exp: Math.floor(Date.now() / 1000) + life, ...claims });
  const signature = createHmac('sha256', secret).update(`${header}.${body}`).digest('base64url');
  return `${header}.${body}.${signature}`;
}

function part(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
