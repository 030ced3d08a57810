// Certificates with every field wrong in turn, signed by an authority of the test: each has its own refusal.
import { expect, test } from 'vitest';
import { MAX_CERTIFICATE_BYTES } from '../../../../services/shared/ssh/certificate.ts';
import {
  type CertificateDemands,
  type CertificateVerdict,
  judgeCertificate,
} from '../../../../services/shared/ssh/certificate-verdict.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { RevocationList } from '../../../../services/shared/ssh/revocation-list.ts';
import { wireString } from '../../../../services/shared/ssh/strings.ts';
import {
  makeTestCertificate,
  type TestCertificate,
  textOption,
} from '../../../support/ssh/test-certificate.ts';
import { makeTestKey, TEST_KEY_TYPES } from '../../../support/ssh/test-key.ts';

const AUTHORITY = makeTestKey('ssh-ed25519');
const STRANGER = makeTestKey('ssh-ed25519');
const KEY = makeTestKey('ssh-ed25519');
const NOTHING = Buffer.alloc(0);
/** In seconds since 1970. */
const NOW = 1_800_000_000n;

const DEMANDS: CertificateDemands = {
  authorities: [keyFingerprint(AUTHORITY.blob)],
  principals: ['jane', 'admin'],
  address: '192.0.2.7',
  now: Number(NOW) * 1_000,
  revoked: undefined,
};

function judge(
  changes: Partial<TestCertificate>,
  demands: Partial<CertificateDemands> = {},
): CertificateVerdict {
  return judgeCertificate(makeTestCertificate(KEY, AUTHORITY, changes), { ...DEMANDS, ...demands });
}

/** The fault and what is said of it. */
function faultOf(verdict: CertificateVerdict): string {
  return verdict.kind === 'valid' ? 'valid' : `${verdict.fault}: ${verdict.detail}`;
}

test.each(TEST_KEY_TYPES.flatMap((key) => TEST_KEY_TYPES.map((authority) => [key, authority] as const)))(
  'a certificate for %s by %s says what is in it',
  (keyType, authorityType) => {
    const key = makeTestKey(keyType);
    const authority = makeTestKey(authorityType);
    const blob = makeTestCertificate(key, authority, {
      principals: ['ops', 'jane'],
      validAfter: NOW,
      validBefore: NOW + 1n,
      critical: [textOption('force-command', 'make test'), textOption('source-address', '192.0.2.0/24')],
      extensions: [
        ['permit-pty', NOTHING],
        ['later@example.com', Buffer.from('x')],
      ],
    });
    const verdict = judgeCertificate(blob, { ...DEMANDS, authorities: [keyFingerprint(authority.blob)] });
    expect(verdict).toMatchObject({
      kind: 'valid',
      certificate: {
        fingerprint: keyFingerprint(key.blob),
        caFingerprint: keyFingerprint(authority.blob),
        keyId: 'jane at work',
        serial: 7n,
        principals: ['ops', 'jane'],
        validAfter: NOW,
        validBefore: NOW + 1n,
        criticalOptions: new Map([
          ['force-command', 'make test'],
          ['source-address', '192.0.2.0/24'],
        ]),
        forceCommand: 'make test',
        extensions: new Map([
          ['permit-pty', NOTHING],
          ['later@example.com', Buffer.from('x')],
        ]),
        signatureDemands: { touched: true, verified: false },
      },
    });
  },
);

test.each<[string, Partial<TestCertificate>, string]>([
  ['a host', { role: 2 }, 'wrong_type: is for a host, not for a user'],
  ['neither user nor host', { role: 3 }, 'wrong_type: is neither for a user nor for a host'],
  ['no role', { role: 0 }, 'wrong_type: is neither for a user nor for a host'],
  ['a second too early', { validAfter: NOW + 1n }, 'not_yet_valid: is not valid before 2027-01-15T08:00:01Z'],
  [
    'for ever too early',
    { validAfter: 2n ** 64n - 1n },
    'not_yet_valid: is not valid before 18446744073709551615 s after 1970',
  ],
  ['over at this second', { validBefore: NOW }, 'expired: expired at 2027-01-15T08:00:00Z'],
  [
    'over before it began',
    { validAfter: NOW, validBefore: NOW - 1n },
    'expired: expired at 2027-01-15T07:59:59Z',
  ],
  ['another principal', { principals: ['root', 'jane '] }, 'wrong_principal: is for "root", "jane "'],
  ['a principal with a wildcard', { principals: ['*', 'j*'] }, 'wrong_principal: is for "*", "j*"'],
  ['no principal', { principals: [] }, 'wrong_principal: names no principal'],
  ['a principal with NUL', { principals: ['jane\0x'] }, 'malformed: has principals that cannot be read'],
  [
    'a principal that is no UTF-8',
    { principals: [Buffer.from([0xff])] },
    'malformed: has principals that cannot be read',
  ],
  ['a key ID with NUL', { keyId: 'jane\0' }, 'malformed: has a key ID that is no text'],
  [
    'too many principals',
    { principals: Array<string>(257).fill('jane') },
    'malformed: has principals that cannot be read',
  ],
  [
    'another address',
    { critical: [textOption('source-address', '192.0.2.0/30,2001:db8::/32')] },
    'wrong_address: is good from "192.0.2.0/30", "2001:db8::/32", not from 192.0.2.7',
  ],
  [
    'addresses that are none',
    { critical: [textOption('source-address', 'example.com')] },
    'malformed: has a source-address that is no list of addresses',
  ],
  [
    'no addresses',
    { critical: [textOption('source-address', '')] },
    'malformed: has a source-address that is no list of addresses',
  ],
  [
    'a good address and a bad one',
    { critical: [textOption('source-address', '192.0.2.7,192.0.2.7/24')] },
    'malformed: has a source-address that is no list of addresses',
  ],
  [
    'an option that nobody knows',
    { critical: [['colour@example.com', NOTHING]] },
    'unknown_option: has the critical option "colour@example.com", which is not known here',
  ],
  [
    'an extension among the critical options',
    { critical: [['permit-pty', NOTHING]] },
    'unknown_option: has the critical option "permit-pty", which is not known here',
  ],
  [
    'a command that is none',
    { critical: [['force-command', Buffer.from('ls')]] },
    'malformed: has a force-command that is no text',
  ],
  [
    'a command and more',
    { critical: [['force-command', Buffer.concat([wireString('ls'), Buffer.from('x')])]] },
    'malformed: has a force-command that is no text',
  ],
  [
    'two commands',
    { critical: [textOption('force-command', 'a'), textOption('force-command', 'b')] },
    'malformed: has options that cannot be read',
  ],
  [
    'data in a flag',
    { extensions: [['permit-pty', Buffer.from('x')]] },
    'malformed: has data in the extension permit-pty, which has none',
  ],
  [
    'a PIN that its key cannot ask for',
    { critical: [['verify-required', NOTHING]] },
    'bad_signature: wants a verified owner, which only a FIDO key can show',
  ],
  [
    'an authority that is no key',
    { authority: wireString('ssh-ed25519') },
    'malformed: has an authority that is no valid key',
  ],
  [
    'a certificate for its authority',
    { authority: makeTestCertificate(AUTHORITY, AUTHORITY) },
    'malformed: is signed by a certificate; only a key may sign one',
  ],
  [
    'another key type than its name',
    { type: 'ssh-rsa-cert-v01@openssh.com' },
    'malformed: has no valid ssh-rsa key',
  ],
  [
    'a key type that is not taken',
    { type: 'ssh-dss-cert-v01@openssh.com' },
    'wrong_type: certifies a key of a type that is not taken',
  ],
  [
    'a version that does not exist',
    { type: 'ssh-ed25519-cert-v02@openssh.com' },
    'malformed: is no SSH certificate',
  ],
  [
    'a key that is a certificate',
    { type: 'ssh-ed25519-cert-v01@openssh.com-cert-v01@openssh.com' },
    'wrong_type: certifies a key of a type that is not taken',
  ],
])('%s is refused', (_name, changes, fault) => {
  expect(faultOf(judge(changes))).toBe(fault);
});

test('only the authorities that were named count, and only their signature', () => {
  expect(faultOf(judge({}, { authorities: [] }))).toMatch(/^unknown_ca: is signed by SHA256:/);
  const forged = makeTestCertificate(KEY, STRANGER, { authority: AUTHORITY.blob });
  expect(faultOf(judgeCertificate(forged, DEMANDS))).toMatch(
    /^bad_signature: is not signed by its authority/,
  );
  // Whoever decides about the authority later still gets none that nobody signed.
  const fromAny = judgeCertificate(forged, { ...DEMANDS, authorities: 'any' });
  expect(faultOf(fromAny)).toMatch(/^bad_signature/);
});

test('an authority that signs with SHA-1 has signed nothing', () => {
  const authority = makeTestKey('ssh-rsa');
  const demands = { ...DEMANDS, authorities: [keyFingerprint(authority.blob)] };
  for (const algorithm of ['rsa-sha2-256', 'rsa-sha2-512']) {
    expect(judgeCertificate(makeTestCertificate(KEY, authority, {}, { algorithm }), demands).kind).toBe(
      'valid',
    );
  }
  const weak = makeTestCertificate(KEY, authority, {}, { algorithm: 'ssh-rsa' });
  expect(faultOf(judgeCertificate(weak, demands))).toMatch(/^bad_signature/);
});

test('an authority on a FIDO key signs without a touch, as for sshd', () => {
  const authority = makeTestKey('sk-ssh-ed25519@openssh.com');
  const blob = makeTestCertificate(KEY, authority, {}, { flags: 0 });
  const verdict = judgeCertificate(blob, { ...DEMANDS, authorities: [keyFingerprint(authority.blob)] });
  expect(verdict.kind).toBe('valid');
});

test('the authority of a certificate is no certificate, and neither is the key alone', () => {
  expect(faultOf(judgeCertificate(AUTHORITY.blob, DEMANDS))).toBe(
    'malformed: is a key without a certificate',
  );
  expect(faultOf(judgeCertificate(NOTHING, DEMANDS))).toBe('malformed: is no SSH certificate');
});

test('principals may be left to somebody else, or not asked for at all', () => {
  expect(judge({ principals: ['root'] }, { principals: 'any' }).kind).toBe('valid');
  expect(faultOf(judge({ principals: [] }, { principals: 'any' }))).toBe(
    'wrong_principal: names no principal',
  );
  expect(judge({ principals: [] }, { principals: 'unasked' }).kind).toBe('valid');
});

test('what is revoked is refused, and by what', () => {
  const nothing = { keys: [], sha1: [], sha256: [], certificates: [] };
  const byKey = new RevocationList({ ...nothing, keys: [KEY.blob] });
  const byAuthority = new RevocationList({ ...nothing, keys: [AUTHORITY.blob] });
  const other = new RevocationList({ ...nothing, keys: [STRANGER.blob] });
  expect(faultOf(judge({}, { revoked: byKey }))).toBe('revoked: is revoked, by its key');
  expect(faultOf(judge({}, { revoked: byAuthority }))).toBe('revoked: is revoked, by its authority');
  expect(judge({}, { revoked: other }).kind).toBe('valid');
});

test('a FIDO key shows what its certificate asks for', () => {
  const key = makeTestKey('sk-ssh-ed25519@openssh.com');
  const demandsOf = (changes: Partial<TestCertificate>): unknown => {
    const verdict = judgeCertificate(makeTestCertificate(key, AUTHORITY, changes), DEMANDS);
    return verdict.kind === 'valid' ? verdict.certificate.signatureDemands : verdict;
  };
  expect(demandsOf({ extensions: [['no-touch-required', NOTHING]] })).toEqual({
    touched: false,
    verified: false,
  });
  expect(demandsOf({ critical: [['verify-required', NOTHING]] })).toEqual({ touched: true, verified: true });
});

test('no byte can be changed, taken away or added', () => {
  const blob = makeTestCertificate(KEY, AUTHORITY, { critical: [textOption('force-command', 'ls')] });
  expect(judgeCertificate(blob, DEMANDS).kind).toBe('valid');
  for (let index = 0; index < blob.length; index++) {
    for (const bit of [0x01, 0x80]) {
      const changed = Buffer.from(blob);
      changed[index] = (changed[index] ?? 0) ^ bit;
      expect(judgeCertificate(changed, DEMANDS).kind, `byte ${index}`).toBe('refused');
    }
    expect(judgeCertificate(blob.subarray(0, index), DEMANDS).kind, `${index} bytes`).toBe('refused');
  }
  const longer = judgeCertificate(Buffer.concat([blob, Buffer.from([0])]), DEMANDS);
  expect(faultOf(longer)).toBe('malformed: has bytes behind its signature');
});

test('a certificate of more bytes than are read is refused unread', () => {
  const data = Buffer.alloc(MAX_CERTIFICATE_BYTES);
  expect(faultOf(judge({ extensions: [['x@example.com', data]] }))).toMatch(
    /^malformed: has \d+ bytes; 32768 are read$/,
  );
  const most = data.subarray(0, MAX_CERTIFICATE_BYTES - 1_024);
  expect(judge({ extensions: [['x@example.com', most]] }).kind).toBe('valid');
});
