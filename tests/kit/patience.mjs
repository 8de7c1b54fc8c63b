// How long things may take, in milliseconds. A test that waits, waits for a condition, with one of these.

export const PATIENCE = {
  start: 20_000, // a process says that it is ready
  event: 10_000, // an event arrives
  leave: 20_000, // an event arrives that has to wait for a grace or a heartbeat
};

/** Waits for a promise, and fails by the name of what was awaited. */
export function within(patience, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${patience} ms: ${what()}`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
