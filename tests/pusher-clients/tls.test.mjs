// The TLS listener, and apps that want nothing else (U5, U32).

import assert from 'node:assert/strict';
import { makeCertificate } from './kit/certificate.mjs';
import { node } from './kit/host.mjs';
import { CHILD, JS, NODE, PY3, PYR } from './kit/kinds.mjs';
import { suite } from './kit/scene.mjs';

/** The host that the libraries make of the cluster `hubtest`. */
const CLUSTER = 'api-hubtest.pusher.com';

suite('TLS', (stage) => {
  const trusting = () => node({ NODE_EXTRA_CA_CERTS: stage.certificate.cert });
  const environment = () => ({ SSL_CERT_FILE: stage.certificate.cert });

  stage.one('U5 JS', 'is told to use TLS, and does', async (scene) => {
    const client = await scene.client(CHILD, 'a', { host: trusting(), hub: stage.plain, tls: stage.hub.port });
    await client.connected();
    await client.subscribe('pub');
    await scene.backend(PY3, { host: 'localhost', tls: true, environment: environment() }).trigger('pub', 'ev', 1);
    await client.next('ev');
    assert.equal(client.wire.connections, 1, 'the plain port is tried once');
  }, { pusher: { tls_only: true } });

  stage.one('U5 JS', 'is told to use TLS when it cannot, and connects by nothing else', async (scene) => {
    const client = await scene.client(JS, 'a', { hub: stage.plain });
    assert.equal((await client.next('@error')).code, 4000);
    assert.equal(client.connects, 0);
  }, { pusher: { tls_only: true } });

  stage.one('U32 JS', 'connects with TLS from the beginning', async (scene) => {
    const client = await scene.client(CHILD, 'a', { host: trusting(), tls: stage.hub.port, pusher: { forceTLS: true } });
    await client.connected();
    await client.subscribe('pub');
    assert.equal(client.wire.connections, 0, 'the plain port is never tried');
  });

  stage.each('U32', [PYR, PY3], 'triggers with ssl=True, host and port', async (scene, kind) => {
    const client = await scene.client(CHILD, 'a', { host: trusting(), tls: stage.hub.port, pusher: { forceTLS: true } });
    await client.connected();
    await client.subscribe('pub');
    const backend = scene.backend(kind, { host: 'localhost', tls: true, environment: environment() });
    assert.deepEqual(await backend.trigger(['pub'], 'ev', { n: 1 }), {});
    assert.deepEqual((await client.next('ev')).data, { n: 1 });
    assert.deepEqual(await backend.channels(), { channels: { pub: {} } });
  });

  stage.one('U32 NODE', 'triggers with useTLS', async (scene) => {
    const host = trusting();
    await host.ask('make', { backend: 'b', app: scene.app, at: { host: 'localhost', port: scene.hub.port, tls: true } });
    assert.deepEqual(await host.ask('call', { backend: 'b', method: 'trigger', args: ['pub', 'ev', 1] }), {});
  });

  for (const ssl of [false, true]) {
    stage.each('U32', [PYR, PY3], `triggers by the name of a cluster ${ssl ? 'with' : 'without'} TLS`, async (scene, kind) => {
      const hub = ssl ? stage.hub : stage.plain;
      const settings = { cluster: 'hubtest', leads: { name: CLUSTER, port: hub.port } };
      const backend = scene.backend(kind, { host: undefined, port: undefined, tls: ssl, settings: { ...settings, host: null, port: null }, environment: { ...environment(), CLUSTER: String(ssl) } });
      assert.deepEqual(await backend.trigger(['pub'], 'ev', 1), {});
    });
  }
}, {
  async prepare(stage) {
    stage.certificate = await makeCertificate(['IP:127.0.0.1', 'DNS:localhost', `DNS:${CLUSTER}`]);
    stage.endings.push(stage.certificate.remove);
    stage.plain = await stage.startHub();
    stage.endings.push(() => stage.plain.end());
    const { cert, key } = stage.certificate;
    return { 'tls.cert': cert, 'tls.key': key };
  },
});
