// The example payloads of the dialect, as the specification keeps them.

import { readFileSync } from 'node:fs';

/** A payload by its name in `protocol/payloads`. */
export function golden(name) {
  return JSON.parse(readFileSync(new URL(`../../../protocol/payloads/${name}.json`, import.meta.url), 'utf8'));
}

/** The three keys that stand, with nothing in them, in everybody whom the hub shows. */
export const NULLS = { authorizedBy: null, authorizedResources: null, scope: null };

/** What an example's object has and a given one has not: the names of the keys, with those within. */
export function missing(given, example, path = '') {
  return Object.entries(example).flatMap(([key, value]) => {
    const here = `${path}${key}`;
    if (given?.[key] === undefined) return [here];
    const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
    return isObject ? missing(given[key], value, `${here}.`) : [];
  });
}
