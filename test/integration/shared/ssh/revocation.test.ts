// Revocation lists: ssh-keygen -k makes them, and what `ssh-keygen -Q` says of a key or certificate, we say too.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCertificate } from '../../../../services/shared/ssh/certificate.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { readPublicKey } from '../../../../services/shared/ssh/public-key.ts';
import { readRevocations } from '../../../../services/shared/ssh/revocation-file.ts';
import type { RevocationList } from '../../../../services/shared/ssh/revocation-list.ts';
import { ensureCommands } from '../../../support/machine/test-commands.ts';
import { sshKeygen, writePublicBlob } from '../../../support/ssh/ssh-keygen.ts';
import { makeTestCertificate } from '../../../support/ssh/test-certificate.ts';
import { makeTestKey, type TestKey } from '../../../support/ssh/test-key.ts';

let folder = '';
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  await ensureCommands(['ssh-keygen']);
  folder = await mkdtemp(join(tmpdir(), 'converge-krl-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const AUTHORITIES: readonly TestKey[] = [makeTestKey('ssh-ed25519'), makeTestKey('ecdsa-sha2-nistp384')];
const KEYS: readonly TestKey[] = [
  makeTestKey('ssh-ed25519'),
  makeTestKey('ssh-rsa'),
  makeTestKey('ecdsa-sha2-nistp521'),
  makeTestKey('sk-ssh-ed25519@openssh.com'),
];
const LAST = 2n ** 64n - 1n;
/** Near one another, at byte borders and at both ends, so that ssh-keygen makes lists, ranges and bitmaps of them. */
const SERIALS = [
  1n,
  2n,
  3n,
  7n,
  8n,
  9n,
  63n,
  64n,
  65n,
  66n,
  100n,
  1_000n,
  5_000n,
  2n ** 32n,
  2n ** 63n,
  LAST - 1n,
  LAST,
];
const KEY_IDS = ['jane', 'jane@work', 'ops'];

/** A line of a specification for `ssh-keygen -k`, with the authority that it is for. */
type Line = readonly [authority: number | undefined, text: string];

const anySerial = fc.oneof(fc.constantFrom(...SERIALS), fc.bigInt({ min: 1n, max: 300n }));
const serialLine = fc.oneof(
  anySerial.map((serial) => `serial: ${serial}`),
  fc.tuple(anySerial, anySerial).map(([a, b]) => {
    if (a === b) return `serial: ${a}`;
    return a < b ? `serial: ${a}-${b}` : `serial: ${b}-${a}`;
  }),
);
const keyIndex = fc.nat(KEYS.length - 1);
const authorityIndex = fc.option(fc.nat(AUTHORITIES.length - 1), { nil: undefined });
const certificateLine: fc.Arbitrary<Line> = fc.tuple(
  authorityIndex,
  fc.oneof(
    serialLine,
    fc.constantFrom(...KEY_IDS).map((id) => `id: ${id}`),
  ),
);
const keyLine: fc.Arbitrary<Line> = fc
  .tuple(keyIndex, fc.constantFrom('key', 'sha1', 'sha256', 'hash', 'authority'))
  .map(([index, word]) => [undefined, keyText(index, word)]);

/** How a specification names a key; `authority` names one of an authority. */
function keyText(index: number, word: string): string {
  const key = (word === 'authority' ? AUTHORITIES[index % AUTHORITIES.length] : KEYS[index]) as TestKey;
  if (word === 'hash') return `hash: ${keyFingerprint(key.blob)}`;
  return `${word === 'authority' ? 'key' : word}: ${key.type} ${key.blob.toString('base64')}`;
}

/** Makes a KRL of the lines; those of one authority go in one call, as ssh-keygen wants it. */
async function makeKrl(lines: readonly Line[]): Promise<Buffer> {
  await rm(at('krl'), { force: true });
  await sshKeygen(['-q', '-k', '-f', at('krl'), '/dev/null']);
  for (const authority of [undefined, 0, 1]) {
    const texts = lines.filter(([index]) => index === authority).map(([, text]) => text);
    if (texts.length === 0) continue;
    await writeFile(at('specification'), `${texts.join('\n')}\n`);
    // Without an authority a serial number counts for all of them, which ssh-keygen calls "none".
    const signer = authority === undefined ? 'none' : at(`authority-${authority}.pub`);
    const { isGood, said } = await sshKeygen([
      '-q',
      '-k',
      '-u',
      '-f',
      at('krl'),
      '-s',
      signer,
      at('specification'),
    ]);
    if (!isGood) throw new Error(said);
  }
  return readFile(at('krl'));
}

interface Subject {
  readonly name: string;
  readonly blob: Buffer;
  readonly path: string;
}

/** Keys alone, and certificates by each authority with each serial number and a key ID. */
async function makeSubjects(): Promise<Subject[]> {
  const blobs: [string, Buffer][] = KEYS.map((key) => [`key ${key.type}`, key.blob]);
  for (const [index, serial] of [0n, ...SERIALS, 150n, 299n].entries()) {
    for (const [number, authority] of AUTHORITIES.entries()) {
      const keyId = KEY_IDS[index % KEY_IDS.length] ?? '';
      const key = KEYS[(index + number) % KEYS.length] as TestKey;
      blobs.push([`${serial} by ${number}`, makeTestCertificate(key, authority, { serial, keyId })]);
    }
  }
  return Promise.all(
    blobs.map(async ([name, blob], index) => {
      const path = at(`subject-${index}.pub`);
      await writePublicBlob(path, blob);
      return { name, blob, path };
    }),
  );
}

function isRevoked(list: RevocationList, blob: Buffer): boolean {
  const key = readPublicKey(blob);
  if (key !== undefined) return list.revocationOf(key) !== undefined;
  const reading = readCertificate(blob);
  if (reading.kind !== 'read') throw new Error(reading.detail);
  return list.revocationOf(reading.certificate) !== undefined;
}

function listOf(file: Buffer): RevocationList {
  const reading = readRevocations(file);
  if (reading.kind !== 'read') throw new Error(reading.detail);
  return reading.list;
}

test('of any KRL and any key or certificate we say what ssh-keygen says', async () => {
  for (const [index, { type, blob }] of AUTHORITIES.entries()) {
    await writeFile(at(`authority-${index}.pub`), `${type} ${blob.toString('base64')}\n`);
  }
  const subjects = await makeSubjects();
  const paths = subjects.map(({ path }) => path);
  const seen = { revoked: 0, good: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ weight: 4, arbitrary: certificateLine }, { weight: 1, arbitrary: keyLine }), {
        maxLength: 12,
      }),
      async (lines) => {
        const file = await makeKrl(lines);
        const list = listOf(file);
        const { said } = await sshKeygen(['-Q', '-f', at('krl'), ...paths]);
        for (const { name, blob, path } of subjects) {
          const expected = said.includes(`${path} (`)
            ? new RegExp(`${path} .*: REVOKED`).test(said)
            : undefined;
          expect(expected, `${name}: ${said}`).toBeDefined();
          expect(isRevoked(list, blob), name).toBe(expected);
          if (expected === true) seen.revoked++;
          else seen.good++;
        }
      },
    ),
    { numRuns: 60 },
  );
  // Both answers were asked for.
  expect(Math.min(seen.revoked, seen.good)).toBeGreaterThan(100);
});

test('a KRL that is cut short or changed is refused, or says what it says to ssh-keygen', async () => {
  const lines: Line[] = [
    [0, 'serial: 3'],
    [0, 'serial: 60-70'],
    [0, 'serial: 72'],
    [0, 'id: jane'],
    [undefined, keyText(0, 'sha256')],
    [undefined, keyText(1, 'sha1')],
    [undefined, keyText(2, 'key')],
  ];
  const file = await makeKrl(lines);
  const [key, authority] = [KEYS[0], AUTHORITIES[0]] as [TestKey, TestKey];
  const blobs = [key.blob, makeTestCertificate(KEYS[3] as TestKey, authority, { serial: 65n, keyId: 'ops' })];
  const paths = [at('changed-0.pub'), at('changed-1.pub')];
  for (const [index, blob] of blobs.entries()) await writePublicBlob(paths[index] ?? '', blob);
  expect(blobs.map((blob) => isRevoked(listOf(file), blob))).toEqual([true, true]);
  let read = 0;
  /** Where we read it, ssh-keygen reads the same; where it cannot, neither can we. */
  const compare = async (changed: Buffer, how: string): Promise<void> => {
    const reading = readRevocations(changed);
    if (reading.kind === 'malformed') return;
    read++;
    await writeFile(at('changed'), changed);
    const { said } = await sshKeygen(['-Q', '-f', at('changed'), ...paths]);
    for (const [index, blob] of blobs.entries()) {
      const expected = isRevoked(reading.list, blob) ? 'REVOKED' : 'ok';
      expect(said, how).toMatch(new RegExp(`changed-${index}.pub \\(.*\\): ${expected}`));
    }
  };
  // What is too short to be a KRL is a list of keys, with a line that is none.
  expect(readRevocations(file.subarray(0, 7)).kind).toBe('malformed');
  for (let length = 8; length < file.length; length++)
    await compare(file.subarray(0, length), `${length} bytes`);
  for (let index = 8; index < file.length; index += 3) {
    const changed = Buffer.from(file);
    changed[index] = (changed[index] ?? 0) ^ 0x01;
    await compare(changed, `byte ${index}`);
  }
  // In numbers and texts.
  expect(read).toBeGreaterThan(20);
});

test('a plain list of keys revokes keys, those in certificates and those of authorities', async () => {
  const [plain, certified, other, stranger] = KEYS as readonly [TestKey, TestKey, TestKey, TestKey];
  const [authority, good] = AUTHORITIES as readonly [TestKey, TestKey];
  const lineOf = (blob: Buffer): string => {
    const type = blob.toString('latin1', 4, 4 + blob.readUInt32BE(0));
    return `${type} ${blob.toString('base64')} a comment`;
  };
  const text = [
    '# who has left',
    '',
    `  ${lineOf(plain.blob)}`,
    lineOf(authority.blob),
    lineOf(makeTestCertificate(certified, good)),
  ].join('\n');
  await writeFile(at('plain'), text);
  const subjects: [Buffer, boolean][] = [
    [plain.blob, true],
    [certified.blob, true],
    [other.blob, false],
    [makeTestCertificate(plain, good), true],
    [makeTestCertificate(other, authority), true],
    [makeTestCertificate(certified, good), true],
    [makeTestCertificate(stranger, good), false],
  ];
  const list = listOf(Buffer.from(text));
  for (const [index, [blob, expected]] of subjects.entries()) {
    expect(isRevoked(list, blob), `${index}`).toBe(expected);
  }
});
