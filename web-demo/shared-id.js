// An id that all tabs of a browser agree on, even those that open at the same moment.

const STORE = 'ids';

/**
 * The id kept under a name; the first tab that asks makes it. IndexedDB decides who is first: local storage reaches other
 * tabs' processes only after a while.
 * @param {string} name
 * @returns {Promise<string | undefined>} undefined where the browser keeps nothing, or gives no random ids
 */
export async function sharedId(name) {
  if (!globalThis.indexedDB || !globalThis.crypto?.randomUUID) return undefined;
  try {
    return await claim(await open(name), name);
  } catch {
    return undefined;
  }
}

function open(name) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return settled(request);
}

/** Reads the id or writes a new one, in one transaction: those of other tabs wait for it. */
async function claim(database, name) {
  try {
    const store = database.transaction(STORE, 'readwrite').objectStore(STORE);
    const known = await settled(store.get(name));
    if (known) return known;
    const fresh = crypto.randomUUID();
    await settled(store.put(fresh, name));
    return fresh;
  } finally {
    database.close();
  }
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
