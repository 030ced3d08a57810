// Hostile bytes: whatever a stranger sends for a key, a certificate, a signature or a list, nothing throws.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type CertificateDemands,
  judgeCertificate,
} from '../../../../services/shared/ssh/certificate-verdict.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { readPublicKey } from '../../../../services/shared/ssh/public-key.ts';
import { readRevocations } from '../../../../services/shared/ssh/revocation-file.ts';
import { verifySshSignature } from '../../../../services/shared/ssh/signature.ts';
import { wireString, wireUint32, wireUint64 } from '../../../../services/shared/ssh/strings.ts';
import { makeTestCertificate, textOption } from '../../../support/ssh/test-certificate.ts';
import { makeTestKey, TEST_KEY_TYPES } from '../../../support/ssh/test-key.ts';

const RUNS = { numRuns: 2_000 };
const AUTHORITY = makeTestKey('ssh-ed25519');
const KEYS = TEST_KEY_TYPES.map((type) => makeTestKey(type));
const MESSAGE = Buffer.from('message');

const DEMANDS: CertificateDemands = {
  authorities: [keyFingerprint(AUTHORITY.blob)],
  principals: ['jane'],
  address: '192.0.2.7',
  now: Date.now(),
  revoked: undefined,
};

const CERTIFICATES = KEYS.map((key) =>
  makeTestCertificate(key, AUTHORITY, {
    critical: [textOption('force-command', 'ls'), textOption('source-address', '192.0.2.0/24')],
  }),
);

const KRL = Buffer.concat([
  Buffer.from('SSHKRL\n\0'),
  wireUint32(1),
  ...[1n, 2n, 0n].map(wireUint64),
  wireString(''),
  wireString('comment'),
  Buffer.from([1]),
  wireString(
    Buffer.concat([
      wireString(AUTHORITY.blob),
      wireString(''),
      Buffer.from([0x20]),
      wireString(wireUint64(7n)),
      Buffer.from([0x22]),
      wireString(Buffer.concat([wireUint64(100n), wireString(Buffer.from([5, 5]))])),
    ]),
  ),
]);

/** One of `wholes` with some bytes replaced, a part cut out or doubled, or lengths that are not true. */
function mutated(wholes: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const change = fc.tuple(
    fc.constantFrom('replace', 'cut', 'double', 'length', 'end'),
    fc.nat(),
    fc.nat(64),
    fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff),
  );
  return fc
    .tuple(fc.constantFrom(...wholes), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([whole, changes]) =>
      changes.reduce((bytes, [kind, place, size, value]) => {
        const at = bytes.length === 0 ? 0 : place % bytes.length;
        const [before, part, after] = [
          bytes.subarray(0, at),
          bytes.subarray(at, at + size),
          bytes.subarray(at + size),
        ];
        switch (kind) {
          case 'replace':
            return Buffer.concat([before, Buffer.alloc(part.length, value), after]);
          case 'cut':
            return Buffer.concat([before, after]);
          case 'double':
            return Buffer.concat([before, part, part, after]);
          case 'length':
            return Buffer.concat([before, wireUint32(value), bytes.subarray(at + 4)]);
          case 'end':
            return before;
        }
      }, whole),
    );
}

const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

test('no certificate that was changed is valid, and none throws', () => {
  fc.assert(
    fc.property(fc.oneof(mutated(CERTIFICATES), anyBytes), (blob) => {
      const isUnchanged = CERTIFICATES.some((certificate) => certificate.equals(blob));
      expect(judgeCertificate(blob, DEMANDS).kind).toBe(isUnchanged ? 'valid' : 'refused');
    }),
    RUNS,
  );
});

test('a key that was changed is none, or another one, and none throws', () => {
  fc.assert(
    fc.property(fc.oneof(mutated(KEYS.map(({ blob }) => blob)), anyBytes), (blob) => {
      const key = readPublicKey(blob);
      // What is read is all of it: no two blobs are one key.
      if (key !== undefined) expect(key.blob.equals(blob)).toBe(true);
    }),
    RUNS,
  );
});

test('no signature of another message verifies, however it is changed, and none throws', () => {
  const others = KEYS.map((key) => key.sign(Buffer.from('another')));
  fc.assert(
    fc.property(fc.nat(KEYS.length - 1), fc.oneof(mutated(others), anyBytes), (index, signature) => {
      const key = readPublicKey(KEYS[index]?.blob ?? Buffer.alloc(0));
      expect(key === undefined || verifySshSignature(key, MESSAGE, signature)).toBe(false);
    }),
    RUNS,
  );
});

test('a revocation list that was changed is refused or read, and none throws', () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(fc.oneof(mutated([KRL, Buffer.from('ssh-ed25519 AAAA\n')]), anyBytes), (file) => {
      kinds.add(readRevocations(file).kind);
    }),
    RUNS,
  );
  expect([...kinds].toSorted()).toEqual(['malformed', 'read']);
});
