// A WebSocket that can be broken on purpose: cut (no connection, no new ones) or frozen (open, but mute and deaf).

/**
 * Makes the faults of one page.
 * @returns {{WebSocket: typeof WebSocket, cut(): void, mend(): void, freeze(): void, thaw(): void, isCut: boolean, isFrozen: boolean}}
 */
export function createBreaker() {
  const open = new Set();
  const breaker = {
    isCut: false,
    isFrozen: false,
    cut() {
      breaker.isCut = true;
      for (const socket of [...open]) socket.drop();
    },
    mend() {
      breaker.isCut = false;
    },
    freeze() {
      breaker.isFrozen = true;
    },
    thaw() {
      breaker.isFrozen = false;
      for (const socket of [...open]) socket.flush();
    },
    WebSocket: class extends BreakableSocket {
      constructor(url) {
        super(url, breaker, open);
      }
    },
  };
  return breaker;
}

class BreakableSocket extends EventTarget {
  #inner = null;
  #breaker;
  #open;
  #held = [];
  #isGone = false;

  constructor(url, breaker, open) {
    super();
    this.#breaker = breaker;
    this.#open = open;
    open.add(this);
    if (breaker.isCut) {
      setTimeout(() => this.drop());
      return;
    }
    this.#inner = new WebSocket(url);
    this.#inner.addEventListener('open', () => this.#deliver(() => new Event('open')));
    this.#inner.addEventListener('message', ({ data }) => this.#deliver(() => new MessageEvent('message', { data })));
    this.#inner.addEventListener('close', ({ code, reason }) =>
      this.#deliver(() => {
        this.#isGone = true;
        open.delete(this);
        return new CloseEvent('close', { code, reason });
      }),
    );
  }

  get readyState() {
    return this.#isGone ? WebSocket.CLOSED : (this.#inner?.readyState ?? WebSocket.CONNECTING);
  }

  send(text) {
    this.#whenAwake(() => this.#inner?.readyState === WebSocket.OPEN && this.#inner.send(text));
  }

  close(code) {
    this.#inner?.close(code);
    if (!this.#inner) this.drop();
  }

  /** Loses the connection as a pulled cable would: no goodbye that anybody hears. */
  drop() {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#open.delete(this);
    this.#held = [];
    this.#inner?.close();
    this.dispatchEvent(new CloseEvent('close', { code: 1006, reason: 'cut off' }));
  }

  /** Does, in order, what was held back while frozen. */
  flush() {
    const held = this.#held;
    this.#held = [];
    for (const act of held) act();
  }

  #deliver(makeEvent) {
    this.#whenAwake(() => !this.#isGone && this.dispatchEvent(makeEvent()));
  }

  #whenAwake(act) {
    if (this.#breaker.isFrozen) this.#held.push(act);
    else act();
  }
}
