// Revocation lists that ssh-keygen does not make: signed ones, extensions, and numbers that cannot be meant.
import { expect, test } from 'vitest';
import { readCertificate } from '../../../../services/shared/ssh/certificate.ts';
import { readPublicKey } from '../../../../services/shared/ssh/public-key.ts';
import {
  MAX_REVOCATION_LIST_BYTES,
  type ReadRevocations,
  readRevocations,
} from '../../../../services/shared/ssh/revocation-file.ts';
import type { Revocation } from '../../../../services/shared/ssh/revocation-list.ts';
import { wireString, wireUint32, wireUint64 } from '../../../../services/shared/ssh/strings.ts';
import { makeTestCertificate } from '../../../support/ssh/test-certificate.ts';
import { makeTestKey } from '../../../support/ssh/test-key.ts';

const AUTHORITY = makeTestKey('ssh-ed25519');
const KEY = makeTestKey('ssh-ed25519');
const SIGNER = makeTestKey('ecdsa-sha2-nistp256');
const NOTHING = Buffer.alloc(0);
const LAST = 2n ** 64n - 1n;

function header(version = 1): Buffer {
  const numbers = [wireUint64(1n), wireUint64(0n), wireUint64(0n)];
  return Buffer.concat([
    Buffer.from('SSHKRL\n\0'),
    wireUint32(version),
    ...numbers,
    wireString(''),
    wireString(''),
  ]);
}

function section(type: number, ...content: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([type]), wireString(Buffer.concat(content))]);
}

/** Certificates of AUTHORITY, or of any. */
function certificates(parts: readonly Buffer[], authority = AUTHORITY.blob): Buffer {
  return section(1, wireString(authority), wireString(''), ...parts);
}

const list = (...serials: readonly bigint[]): Buffer => section(0x20, ...serials.map(wireUint64));
const range = (first: bigint, last: bigint): Buffer => section(0x21, wireUint64(first), wireUint64(last));
const bitmap = (offset: bigint, bits: Buffer): Buffer => section(0x22, wireUint64(offset), wireString(bits));
const extension = (type: number, isCritical: boolean): Buffer =>
  section(type, wireString('x@example.com'), Buffer.from([isCritical ? 1 : 0]), wireString('data'));

function read(...sections: readonly Buffer[]): ReadRevocations {
  return readRevocations(Buffer.concat([header(), ...sections]));
}

function faultOf(reading: ReadRevocations): string {
  return reading.kind === 'read' ? 'read' : reading.detail;
}

/** What a list says of a certificate by AUTHORITY. */
function said(reading: ReadRevocations, serial: bigint, keyId = 'jane'): Revocation | undefined {
  const certificate = readCertificate(makeTestCertificate(KEY, AUTHORITY, { serial, keyId }));
  if (reading.kind !== 'read') throw new Error(reading.detail);
  if (certificate.kind !== 'read') throw new Error(certificate.detail);
  return reading.list.revocationOf(certificate.certificate);
}

test('an empty KRL revokes nobody, an empty file either', () => {
  expect(said(read(), 1n)).toBeUndefined();
  expect(said(readRevocations(NOTHING), 1n)).toBeUndefined();
});

test('lists, ranges and bitmaps hold the numbers in them and no others', () => {
  const reading = read(
    certificates([
      list(70n, 3n, 5n, LAST),
      range(100n, 200n),
      range(150n, 250n),
      range(251n, 251n),
      range(1_000n, 2_000n),
      range(1_200n, 1_300n),
      bitmap(5_000n, Buffer.from([0, 0b1000_0001, 0b0000_0010])),
      bitmap(LAST - 7n, Buffer.from([0b1000_0001])),
    ]),
  );
  const revoked = [
    3n,
    5n,
    70n,
    LAST,
    100n,
    150n,
    200n,
    250n,
    251n,
    1_000n,
    1_400n,
    2_000n,
    5_001n,
    5_008n,
    5_015n,
    LAST - 7n,
  ];
  const good = [
    0n,
    1n,
    4n,
    69n,
    71n,
    99n,
    252n,
    999n,
    2_001n,
    4_999n,
    5_000n,
    5_002n,
    5_007n,
    5_009n,
    5_014n,
    5_016n,
    LAST - 1n,
    LAST - 6n,
  ];
  for (const serial of revoked) expect(said(reading, serial), `${serial}`).toBe('serial number');
  for (const serial of good) expect(said(reading, serial), `${serial}`).toBeUndefined();
});

test('what is revoked of one authority is good of another, unless no authority is named', () => {
  const other = makeTestKey('ssh-ed25519');
  expect(said(read(certificates([list(7n)], other.blob)), 7n)).toBeUndefined();
  expect(said(read(certificates([list(7n)], NOTHING)), 7n)).toBe('serial number');
  const keyIds = section(0x23, wireString('ops'), wireString('jane'));
  expect(said(read(certificates([keyIds])), 8n)).toBe('key ID');
  expect(said(read(certificates([keyIds])), 8n, 'jane ')).toBeUndefined();
});

test('a signed KRL counts if its signature is good, whoever has signed it', () => {
  const body = Buffer.concat([header(), certificates([list(7n)]), Buffer.from([4]), wireString(SIGNER.blob)]);
  const signed = Buffer.concat([body, wireString(SIGNER.sign(body))]);
  expect(said(readRevocations(signed), 7n)).toBe('serial number');
  const changed = Buffer.from(signed);
  const at = header().length - 20;
  changed[at] = (changed[at] ?? 0) ^ 1;
  expect(faultOf(readRevocations(changed))).toBe('has a signature that is not good');
  const longer = Buffer.concat([signed, certificates([list(8n)])]);
  expect(faultOf(readRevocations(longer))).toBe('has a section behind its signature');
  const again = Buffer.concat([signed, Buffer.from([4]), wireString(AUTHORITY.blob)]);
  expect(said(readRevocations(Buffer.concat([again, wireString(AUTHORITY.sign(again))])), 7n)).toBe(
    'serial number',
  );
});

test.each<[string, Buffer, string]>([
  ['a section that nobody knows', section(9, NOTHING), 'has a section of a kind that is not known (9)'],
  [
    'an extension that must be understood',
    extension(255, true),
    'has the extension "x@example.com", which is not known here',
  ],
  [
    'the same among certificates',
    certificates([extension(0x39, true)]),
    'has the extension "x@example.com", which is not known here',
  ],
  [
    'a list of a kind that nobody knows',
    certificates([section(0x30)]),
    'has a list of certificates of a kind that is not known (48)',
  ],
  ['an authority that is no key', certificates([], Buffer.from('x')), 'has an authority that is no key'],
  [
    'the number of all that have none',
    certificates([list(0n)]),
    'revokes the serial number 0, which unnumbered certificates have',
  ],
  [
    'a range from it',
    certificates([range(0n, 5n)]),
    'revokes the serial number 0, which unnumbered certificates have',
  ],
  [
    'a bitmap with it',
    certificates([bitmap(0n, Buffer.from([1]))]),
    'revokes the serial number 0, which unnumbered certificates have',
  ],
  [
    'a range backwards',
    certificates([range(9n, 5n)]),
    'has a range of serial numbers that ends before it begins (9)',
  ],
  [
    'numbers of 65 bits',
    certificates([bitmap(LAST, Buffer.from([2]))]),
    'has serial numbers of more than 64 bits',
  ],
  ['half a number', certificates([section(0x20, Buffer.alloc(7))]), 'is cut short, or holds what is no text'],
  [
    'a range and more',
    certificates([section(0x21, wireUint64(1n), wireUint64(2n), NOTHING, Buffer.from([0]))]),
    'has more in a list of certificates than belongs there',
  ],
  [
    'a SHA-1 of 19 bytes',
    section(3, wireString(Buffer.alloc(19))),
    'has a fingerprint that has not 20 bytes',
  ],
  [
    'a SHA-256 of 20 bytes',
    section(5, wireString(Buffer.alloc(20))),
    'has a fingerprint that has not 32 bytes',
  ],
  [
    'a section without end',
    Buffer.from([1, 0xff, 0xff, 0xff, 0xff]),
    'is cut short, or holds what is no text',
  ],
])('a KRL with %s is refused whole', (_name, part, fault) => {
  expect(faultOf(read(certificates([list(7n)]), part))).toBe(fault);
});

test('extensions that may be ignored are', () => {
  expect(said(read(extension(255, false), certificates([extension(0x39, false), list(7n)])), 7n)).toBe(
    'serial number',
  );
});

test('another version, and a file that is too large, are refused', () => {
  expect(faultOf(readRevocations(header(2)))).toBe('is a KRL of version 2; 1 is known');
  const large = Buffer.alloc(MAX_REVOCATION_LIST_BYTES + 1);
  expect(faultOf(readRevocations(large))).toBe(
    `has ${large.length} bytes; ${MAX_REVOCATION_LIST_BYTES} are read`,
  );
});

test('the largest lists are read', () => {
  const count = Math.floor((MAX_REVOCATION_LIST_BYTES - 1_000) / 8);
  const serials = Array.from({ length: count }, (_, index) => wireUint64(BigInt(2 * index + 2)));
  const reading = read(certificates([section(0x20, Buffer.concat(serials))]));
  expect(said(reading, 2n * BigInt(count))).toBe('serial number');
  expect(said(reading, 3n)).toBeUndefined();
  // A million keys that are empty: each takes four bytes.
  const empty = read(section(2, Buffer.alloc(MAX_REVOCATION_LIST_BYTES - 1_000)));
  expect(said(empty, 1n)).toBeUndefined();
});

test.each([
  ['hello', 1],
  ['serial: 7', 1],
  [`ssh-ed25519 ${KEY.blob.toString('base64')}\n\n# a comment\nssh-ed25519 AAAA`, 4],
  [`ssh-rsa ${KEY.blob.toString('base64')}`, 1],
  [`from="10.0.0.1" ssh-ed25519 ${KEY.blob.toString('base64')}`, 1],
])('a plain list with a line that is no key is refused whole: %j', (text, line) => {
  const fault = `has no public key in line ${line}; a specification is made a KRL by ssh-keygen -k`;
  expect(faultOf(readRevocations(Buffer.from(text)))).toBe(fault);
});

test('a DSA key in a plain list is no fault: it lets nobody in anyway', () => {
  const dsa = Buffer.concat([wireString('ssh-dss'), wireString('x')]);
  const text = `ssh-dss ${dsa.toString('base64')}\r\nssh-ed25519 ${KEY.blob.toString('base64')} left in May\r\n`;
  const reading = readRevocations(Buffer.from(text));
  const key = readPublicKey(KEY.blob);
  if (reading.kind !== 'read' || key === undefined) throw new Error(faultOf(reading));
  expect(reading.list.revocationOf(key)).toBe('key');
});
