// When to connect again: the hub's table of close codes as data, and full-jitter backoff.

const BASE_MS = 500;
const CAP_MS = 30_000;
const LONGEST_ADVICE_MS = 10 * 60_000;

/** What each close code asks of a client. A code that is not here asks for backoff. */
const ADVICE = new Map([
  [1000, 'never'], // bye
  [1001, 'now'], // going away
  [1002, 'never'], // protocol error
  [1003, 'never'],
  [1007, 'never'],
  [1008, 'pause'], // too much churn
  [1009, 'never'], // frame too large
  [1012, 'as told'], // restarting
  [4401, 'new token'], // not authenticated
  [4408, 'new token'], // authentication took too long
  [4410, 'never'], // replaced, or ended by an administrator
  [4429, 'as told'], // too many connections
]);

/**
 * How long to wait before the next attempt.
 * @param {object} loss
 * @param {number} loss.code The close code; 1006 where there was none.
 * @param {string} [loss.reason] The close reason; `retry after <ms>` in it is honoured.
 * @param {number} loss.attempt How many attempts have failed in a row: 0 after a connection that had been stable.
 * @param {boolean} [loss.renewable] Whether a fresh token can be had.
 * @param {() => number} [loss.random] Gives numbers in [0, 1).
 * @returns {number | null} Milliseconds, or null: do not connect again unasked.
 */
export function retryDelay({ code, reason = '', attempt, renewable = true, random = Math.random }) {
  switch (ADVICE.get(code)) {
    case 'never':
      return null;
    case 'now':
      return attempt === 0 ? 0 : fullJitter(attempt, random);
    case 'pause':
      return Math.max(30_000, fullJitter(attempt, random));
    case 'as told':
      return advisedDelay(reason) ?? fullJitter(attempt, random);
    case 'new token':
      if (!renewable) return null;
      return attempt === 0 ? 0 : fullJitter(attempt, random);
    default:
      return fullJitter(attempt, random);
  }
}

/** Any delay up to an exponential ceiling, so that a crowd that was cut off together does not come back together. */
function fullJitter(attempt, random) {
  return Math.floor(random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 16)));
}

function advisedDelay(reason) {
  const found = /retry after (\d{1,9})/i.exec(reason);
  return found ? Math.min(Number(found[1]), LONGEST_ADVICE_MS) : null;
}
