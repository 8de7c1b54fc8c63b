// Patterns: what a payload must be like. A pattern names what matters; whatever else stands there is let be.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';

/** The key is not there at all. */
export const absent = Symbol('absent');
/** The key is there, whatever its value. */
export const any = Symbol('any');
/** A string with something in it. */
export const text = (value) => typeof value === 'string' && value !== '';
/** An ISO 8601 instant. */
export const instant = (value) => text(value) && !Number.isNaN(Date.parse(value)) && value.includes('T');
/** Exactly this value, with nothing beside it. */
export const exactly = (expected) => (value) => same(value, expected);

/** Whether a value is as the pattern says. Lists must have the pattern's length; a function decides itself. */
export function isLike(value, pattern) {
  if (pattern === absent) return value === undefined;
  if (pattern === any) return value !== undefined;
  if (typeof pattern === 'function') return pattern(value);
  if (pattern instanceof RegExp) return typeof value === 'string' && pattern.test(value);
  if (Array.isArray(pattern)) {
    return Array.isArray(value) && value.length === pattern.length && pattern.every((part, n) => isLike(value[n], part));
  }
  if (pattern !== null && typeof pattern === 'object') {
    const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
    return isObject && Object.entries(pattern).every(([key, part]) => isLike(value[key], part));
  }
  return Object.is(value, pattern);
}

/** Fails unless a value is as the pattern says. */
export function like(value, pattern, what = 'it') {
  assert.ok(isLike(value, pattern), `${what} is ${inspect(value, { depth: 9 })}, which is not like ${inspect(pattern, { depth: 9 })}`);
}

function same(value, expected) {
  try {
    assert.deepStrictEqual(value, expected);
    return true;
  } catch {
    return false;
  }
}
