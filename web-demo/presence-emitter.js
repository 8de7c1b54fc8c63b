// Listeners by name, and the one error type of the client.

/** A refusal by the hub, or a request that the connection could not carry. */
export class HubError extends Error {
  /**
   * @param {string} code A stable word: the hub's own code, or `offline`, `connection.lost`, `left`, `removed`.
   * @param {string} [message] What a person may read.
   */
  constructor(code, message = code) {
    super(message);
    this.name = 'HubError';
    this.code = code;
  }

  /** @param {unknown} error The `error` member of a frame: an object, or in a few events only a code. */
  static from(error) {
    if (typeof error === 'string') return new HubError(error);
    const code = typeof error?.code === 'string' ? error.code : 'unknown';
    return new HubError(code, typeof error?.message === 'string' ? error.message : code);
  }
}

/** A minimal emitter: a listener that throws never stops the others, nor the caller. */
export class Emitter {
  #listeners = new Map();

  /**
   * @param {string} name
   * @param {(detail: any) => void} listener
   * @returns {() => void} Removes the listener again.
   */
  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    const listeners = this.#listeners.get(name);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * @param {string} name
   * @param {any} [detail]
   * @protected
   */
  emit(name, detail) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(detail);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
