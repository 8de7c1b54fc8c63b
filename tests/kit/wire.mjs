// A stretch of network between a client and the hub that a test can cut, freeze, and lay to another hub: a TCP relay on a port of its own.

import { createServer, connect } from 'node:net';
import { once } from 'node:events';

export class Wire {
  /** How many TCP connections the client has made. */
  connections = 0;
  /** Called with what passes: whose connection it is of, whether the client says it, and the bytes. */
  watch = undefined;
  #pairs = new Set();
  #server;
  #port;
  #isDown = false;

  /** A wire to a port of this machine. */
  static async to(port) {
    const wire = new Wire();
    wire.#port = port;
    wire.#server = createServer((near) => wire.#join(near));
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    wire.port = wire.#server.address().port;
    wire.url = `http://127.0.0.1:${wire.port}`;
    return wire;
  }

  /** Whether any connection is open that goes through it. */
  get isOpen() {
    return this.#pairs.size > 0;
  }

  #join(near) {
    this.connections += 1;
    if (this.#isDown) return near.destroy();
    const far = connect(this.#port, '127.0.0.1');
    const pair = { near, far };
    this.#pairs.add(pair);
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.pipe(far);
    far.pipe(near);
    if (this.watch !== undefined) {
      near.on('data', (bytes) => this.watch(pair, true, bytes));
      far.on('data', (bytes) => this.watch(pair, false, bytes));
    }
    for (const end of [near, far]) {
      end.on('error', () => {});
      end.on('close', () => {
        if (pair.isFrozen) return;
        near.destroy();
        far.destroy();
        this.#pairs.delete(pair);
      });
    }
  }

  /** Ends every TCP connection without a word of the protocol. New ones are let through. */
  cut() {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** Cuts, and lets nothing through any more. */
  down() {
    this.#isDown = true;
    this.cut();
  }

  /** Lets connections through again. */
  up() {
    this.#isDown = false;
  }

  /** Nothing goes through the connections there are, and neither end is told. New ones are let through. */
  freeze() {
    for (const pair of this.#pairs) {
      pair.isFrozen = true;
      pair.near.unpipe();
      pair.far.unpipe();
      pair.near.pause();
      pair.far.pause();
    }
  }

  /** Lays the wire to another port, for the connections to come. */
  leadTo(port) {
    this.#port = port;
  }

  async close() {
    this.cut();
    this.#server.close();
  }
}
