// A certificate authority of a company that nobody else knows, and a server certificate by it, made with openssl.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface PrivateAuthority {
  /** The file of the authority's certificate, PEM. */
  readonly caFile: string;
  readonly key: string;
  readonly cert: string;
}

/** Makes both in `folder`. `names` is a subjectAltName: `DNS:relay.test,IP:127.0.0.1`. */
export async function makePrivateAuthority(folder: string, names: string): Promise<PrivateAuthority> {
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]) => run('openssl', args);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...curve,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
  );
  await openssl(
    'req',
    ...curve,
    '-keyout',
    path('relay.key'),
    '-out',
    path('relay.csr'),
    '-subj',
    '/CN=relay',
  );
  await writeFile(path('relay.ext'), `subjectAltName=${names}\n`);
  const signer = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-days', '2'];
  const files = ['-in', path('relay.csr'), '-extfile', path('relay.ext'), '-out', path('relay.pem')];
  await openssl('x509', '-req', ...files, ...signer);
  return {
    caFile: path('ca.pem'),
    key: await readFile(path('relay.key'), 'utf8'),
    cert: await readFile(path('relay.pem'), 'utf8'),
  };
}
