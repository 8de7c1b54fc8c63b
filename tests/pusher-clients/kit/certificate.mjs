// A certificate for this machine, which a file's clients are told to trust.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Makes a certificate and its key. `names` are those it is for, as OpenSSL writes them. */
export async function makeCertificate(names = ['IP:127.0.0.1', 'DNS:localhost']) {
  const folder = await mkdtemp(join(tmpdir(), 'presence-hub-certificate-'));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=presence-hub tests', '-addext', `subjectAltName=${names.join(',')}`];
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject]);
  return { cert, key, remove: () => rm(folder, { recursive: true, force: true }) };
}
