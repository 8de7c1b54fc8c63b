// A stretch of network between a client and the hub that a test can cut: a TCP relay on a port of its own.

import { createServer, connect } from 'node:net';
import { once } from 'node:events';

export class Wire {
  /** How many TCP connections the client has made. */
  connections = 0;
  #pairs = new Set();
  #server;
  #isDown = false;

  /** A wire to a port of this machine. */
  static async to(port) {
    const wire = new Wire();
    wire.#server = createServer((near) => wire.#join(near, port));
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    wire.url = `http://127.0.0.1:${wire.#server.address().port}`;
    return wire;
  }

  #join(near, port) {
    this.connections += 1;
    if (this.#isDown) return near.destroy();
    const far = connect(port, '127.0.0.1');
    const pair = { near, far };
    this.#pairs.add(pair);
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.pipe(far);
    far.pipe(near);
    for (const end of [near, far]) {
      end.on('error', () => {});
      end.on('close', () => {
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

  async close() {
    this.cut();
    this.#server.close();
  }
}
