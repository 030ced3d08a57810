// Certificates as sshd judges them: whom OpenSSH's own server lets in, we let in, and nobody else.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type CertificateVerdict,
  judgeCertificate,
} from '../../../../services/shared/ssh/certificate-verdict.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { readRevocations } from '../../../../services/shared/ssh/revocation-file.ts';
import type { RevocationList } from '../../../../services/shared/ssh/revocation-list.ts';
import { wireString } from '../../../../services/shared/ssh/strings.ts';
import { ensureCommands } from '../../../support/machine/test-commands.ts';
import { makeKeyFile } from '../../../support/ssh/key-file.ts';
import { certify, readPublicBlob, sshKeygen, writePublicBlob } from '../../../support/ssh/ssh-keygen.ts';
import { makeKeyFolder, type Sshd, startSshd } from '../../../support/ssh/sshd.ts';
import {
  FOR_EVER,
  makeTestCertificate,
  type TestCertificate,
  textOption,
} from '../../../support/ssh/test-certificate.ts';
import { makeTestKey, type TestKey } from '../../../support/ssh/test-key.ts';

const PRINCIPALS = ['jane', 'admin'];
const KEY_TYPES = ['ed25519', 'ecdsa', 'rsa'] as const;
const CLIENT = [
  '-o',
  'BatchMode=yes',
  '-o',
  'IdentitiesOnly=yes',
  '-o',
  'StrictHostKeyChecking=no',
  '-o',
  'UserKnownHostsFile=/dev/null',
  '-o',
  'LogLevel=ERROR',
];
/** Signs what ssh-keygen would not. */
const ODD_AUTHORITY = makeTestKey('ssh-ed25519');
const NOTHING = Buffer.alloc(0);

const stack = new AsyncDisposableStack();
let folder = '';
let sshd: Sshd;
let authorities: string[] = [];
let revoked: RevocationList;

const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  await ensureCommands(['ssh', 'sshd', 'ssh-keygen']);
  folder = await makeKeyFolder(stack);
  for (const type of KEY_TYPES) {
    await makeKeyFile(at(`ca-${type}`), type);
    await makeKeyFile(at(`key-${type}`), type);
  }
  await makeKeyFile(at('ca-unknown'));
  await makeKeyFile(at('key-revoked'));
  await writePublicBlob(at('ca-odd.pub'), ODD_AUTHORITY.blob);
  const files = [...KEY_TYPES.map((type) => at(`ca-${type}.pub`)), at('ca-odd.pub')];
  const lines = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  authorities = await Promise.all(files.map(async (file) => keyFingerprint(await readPublicBlob(file))));
  await writeFile(at('authorities'), lines.join(''));
  await writeFile(at('principals'), PRINCIPALS.map((name) => `${name}\n`).join(''));
  const keyLine = await readFile(at('key-revoked.pub'), 'utf8');
  await writeFile(at('specification'), `serial: 5-9\nid: gone\nkey: ${keyLine}`);
  await sshKeygen(['-q', '-k', '-f', at('krl'), '-s', at('ca-ed25519.pub'), at('specification')]);
  const reading = readRevocations(await readFile(at('krl')));
  if (reading.kind === 'malformed') throw new Error(reading.detail);
  revoked = reading.list;
  sshd = await startSshd(stack, folder, [
    `TrustedUserCAKeys ${at('authorities')}`,
    `AuthorizedPrincipalsFile ${at('principals')}`,
    `RevokedKeys ${at('krl')}`,
    'MaxStartups 100',
  ]);
});

afterAll(() => stack.disposeAsync());

/** Whether `ssh` gets in with the certificate in `KEY-cert.pub`. */
async function letsIn(key: string, server: Sshd = sshd): Promise<boolean> {
  const port = server.options
    .filter((option) => option.startsWith('Port='))
    .flatMap((option) => ['-o', option]);
  const args = ['-F', 'none', '-i', key, '-o', `CertificateFile=${key}-cert.pub`, ...CLIENT, ...port];
  try {
    await promisify(execFile)('ssh', [...args, server.destination, 'true']);
    return true;
  } catch {
    return false;
  }
}

function ourVerdict(blob: Buffer): CertificateVerdict {
  return judgeCertificate(blob, {
    authorities,
    principals: PRINCIPALS,
    address: '127.0.0.1',
    now: Date.now(),
    revoked,
  });
}

/** Options of `ssh-keygen -s`. */
const anyOptions = fc
  .record({
    principals: fc.constantFrom(['-n', 'jane'], ['-n', 'jane'], ['-n', 'ops,admin'], ['-n', 'root,j*'], []),
    validity: fc.constantFrom('-1h:+1h', 'always:forever', '-1w:+1w', '-2h:-1h', '+1h:+2h'),
    address: fc.constantFrom(
      undefined,
      undefined,
      '127.0.0.0/8',
      '10.0.0.0/8,127.0.0.1',
      '192.0.2.0/24,::1/128',
    ),
    command: fc.constantFrom(undefined, undefined, 'true'),
    other: fc.constantFrom(
      [],
      [],
      [],
      ['critical:colour@example.com=red'],
      ['extension:colour@example.com=red'],
      ['clear'],
    ),
    role: fc.constantFrom([], [], [], [], [], ['-h']),
    serial: fc.constantFrom(0, 1, 5, 9, 10),
    keyId: fc.constantFrom('here', 'here', 'here', 'gone'),
    key: fc.constantFrom(...KEY_TYPES.map((type) => `key-${type}`), 'key-revoked'),
    authority: fc.constantFrom(
      ['ca-ed25519'],
      ['ca-ecdsa'],
      ['ca-rsa', '-t', 'rsa-sha2-512'],
      ['ca-rsa', '-t', 'rsa-sha2-256'],
      ['ca-rsa', '-t', 'ssh-rsa'],
      ['ca-unknown'],
    ),
  })
  .map(
    ({
      principals,
      validity,
      address,
      command,
      other,
      role,
      serial,
      keyId,
      key,
      authority: [ca = '', ...algorithm],
    }) => ({
      key,
      ca,
      options: [
        '-I',
        keyId,
        '-z',
        String(serial),
        '-V',
        validity,
        ...principals,
        ...(role.length > 0 ? role : other.flatMap((option) => ['-O', option])),
        // ssh-keygen takes these for users only.
        ...(role.length > 0 || address === undefined ? [] : ['-O', `source-address=${address}`]),
        ...(role.length > 0 || command === undefined ? [] : ['-O', `force-command=${command}`]),
        ...algorithm,
      ],
    }),
  );

/** A login each; half a minute on two busy cores. In milliseconds. */
const LOGINS_WITHIN_MS = 180_000;

test(
  'of any certificate that ssh-keygen makes we think what sshd thinks',
  async () => {
    const faults = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(anyOptions, async ({ key, ca, options }) => {
        const blob = await certify(at(ca), at(key), options);
        const verdict = ourVerdict(blob);
        const word = verdict.kind === 'valid' ? 'valid' : verdict.fault;
        faults.set(word, (faults.get(word) ?? 0) + 1);
        expect(word === 'valid', word).toBe(await letsIn(at(key)));
      }),
      { numRuns: 60, seed: 7 },
    );
    // With this seed each of them came.
    expect([...faults.keys()].toSorted()).toEqual([
      'bad_signature',
      'expired',
      'not_yet_valid',
      'revoked',
      'unknown_ca',
      'unknown_option',
      'valid',
      'wrong_address',
      'wrong_principal',
      'wrong_type',
    ]);
  },
  LOGINS_WITHIN_MS,
);

/** A key file as a key of the test, for certificates only. */
async function keyOf(path: string): Promise<TestKey> {
  const blob = await readPublicBlob(`${path}.pub`);
  const length = 4 + blob.readUInt32BE(0);
  return {
    type: blob.toString('latin1', 4, length),
    blob,
    fields: blob.subarray(length),
    sign: () => {
      throw new Error('has no private half here');
    },
  };
}

/** What sshd and we say of a certificate that ssh-keygen would not make. */
async function bothOf(changes: Partial<TestCertificate>): Promise<{ ours: string; sshd: boolean }> {
  const path = at('key-ed25519');
  const blob = makeTestCertificate(await keyOf(path), ODD_AUTHORITY, changes);
  await writePublicBlob(`${path}-cert.pub`, blob);
  const verdict = ourVerdict(blob);
  return { ours: verdict.kind === 'valid' ? 'valid' : verdict.fault, sshd: await letsIn(path) };
}

const seconds = BigInt(Math.floor(Date.now() / 1_000));

test.each<[string, Partial<TestCertificate>, string]>([
  ['with nothing odd', {}, 'valid'],
  ['of any serial number', { serial: FOR_EVER }, 'valid'],
  ['without a key ID', { keyId: '' }, 'valid'],
  ['with an extension that nobody knows', { extensions: [['x@example.com', Buffer.from('data')]] }, 'valid'],
  ['with as many principals as may be', { principals: [...Array<string>(255).fill('x'), 'jane'] }, 'valid'],
  ['with too many principals', { principals: [...Array<string>(256).fill('x'), 'jane'] }, 'malformed'],
  ['with a NUL in a principal', { principals: ['ja\0ne'] }, 'malformed'],
  ['with an empty principal', { principals: [''] }, 'wrong_principal'],
  ['with a NUL in its key ID', { keyId: 'a\0b' }, 'malformed'],
  ['with an extension among the critical options', { critical: [['permit-pty', NOTHING]] }, 'unknown_option'],
  [
    'with a critical option among the extensions',
    { extensions: [textOption('source-address', '192.0.2.0/24')] },
    'valid',
  ],
  ['with data in a known extension', { extensions: [['permit-pty', Buffer.from('x')]] }, 'malformed'],
  ['with a command that is no text', { critical: [['force-command', Buffer.from('true')]] }, 'malformed'],
  [
    'with more than a command',
    { critical: [['force-command', Buffer.concat([wireString('true'), wireString('x')])]] },
    'malformed',
  ],
  [
    'with two commands',
    { critical: [textOption('force-command', 'true'), textOption('force-command', 'true')] },
    'malformed',
  ],
  ['with a name for an address', { critical: [textOption('source-address', 'localhost')] }, 'malformed'],
  ['with no address', { critical: [textOption('source-address', '')] }, 'malformed'],
  [
    'with an empty address',
    { critical: [textOption('source-address', '127.0.0.1,,127.0.0.2')] },
    'malformed',
  ],
  [
    'with a network that names a machine',
    { critical: [textOption('source-address', '127.0.0.1/8')] },
    'malformed',
  ],
  [
    'with a good address before a bad one',
    { critical: [textOption('source-address', '127.0.0.1,127.0.0.1/33')] },
    'malformed',
  ],
  [
    'with a space before its address',
    { critical: [textOption('source-address', ' 127.0.0.1')] },
    'malformed',
  ],
  ['with all addresses', { critical: [textOption('source-address', '0.0.0.0/0')] }, 'valid'],
  [
    'with all addresses of the other kind',
    { critical: [textOption('source-address', '::/0')] },
    'wrong_address',
  ],
  [
    'that begins an hour after its end',
    { validAfter: seconds + 3_600n, validBefore: seconds - 3_600n },
    'not_yet_valid',
  ],
  ['that ended an hour ago', { validBefore: seconds - 3_600n }, 'expired'],
  ['that never began', { validAfter: FOR_EVER, validBefore: FOR_EVER }, 'not_yet_valid'],
  ['for neither a user nor a host', { role: 3 }, 'wrong_type'],
])('a certificate %s: sshd and we agree', async (_name, changes, fault) => {
  expect(await bothOf(changes)).toEqual({ ours: fault, sshd: fault === 'valid' });
});

test.each<[string, Partial<TestCertificate>, string]>([
  [
    'an option named twice',
    {
      extensions: [
        ['permit-pty', NOTHING],
        ['permit-pty', NOTHING],
      ],
    },
    'malformed',
  ],
  ['a NUL at the end of a principal', { principals: ['jane\0'] }, 'malformed'],
  ['a principal that is no UTF-8', { principals: [Buffer.from([0xff]), 'jane'] }, 'malformed'],
  ['a PIN asked of a key that has none', { critical: [['verify-required', NOTHING]] }, 'bad_signature'],
])('only sshd takes a certificate with %s', async (_name, changes, fault) => {
  expect(await bothOf(changes)).toEqual({ ours: fault, sshd: true });
});

test('a plain list of revoked keys means to sshd what it means to us', async () => {
  await using own = new AsyncDisposableStack();
  const other = await makeKeyFolder(own);
  const list = [
    '# who has left, and an authority that is no more',
    (await readFile(at('key-rsa.pub'), 'utf8')).trim(),
    '',
    (await readFile(at('ca-ecdsa.pub'), 'utf8')).trim(),
  ].join('\n');
  await writeFile(join(other, 'revoked'), `${list}\n`);
  const reading = readRevocations(Buffer.from(list));
  if (reading.kind === 'malformed') throw new Error(reading.detail);
  const server = await startSshd(own, other, [
    `TrustedUserCAKeys ${at('authorities')}`,
    `AuthorizedPrincipalsFile ${at('principals')}`,
    `RevokedKeys ${join(other, 'revoked')}`,
  ]);
  const verdictOf = async (ca: string, key: string): Promise<[string, boolean]> => {
    const blob = await certify(at(ca), at(key), ['-I', 'x', '-n', 'jane']);
    const verdict = judgeCertificate(blob, {
      authorities,
      principals: PRINCIPALS,
      address: '127.0.0.1',
      now: Date.now(),
      revoked: reading.list,
    });
    return [verdict.kind === 'valid' ? 'valid' : verdict.fault, await letsIn(at(key), server)];
  };
  expect(await verdictOf('ca-ed25519', 'key-ed25519')).toEqual(['valid', true]);
  expect(await verdictOf('ca-ed25519', 'key-rsa')).toEqual(['revoked', false]);
  expect(await verdictOf('ca-ecdsa', 'key-ed25519')).toEqual(['revoked', false]);
  expect(await verdictOf('ca-rsa', 'key-ecdsa')).toEqual(['valid', true]);
});
