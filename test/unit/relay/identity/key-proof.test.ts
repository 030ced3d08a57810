// Proofs by SSH keys at the relay: good for one relay, one role, one ID, one agent and one minute, and for nothing else.
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import {
  CHALLENGE_SKEW_MS,
  CHALLENGE_TTL_MS,
  isFreshChallenge,
  makeChallenge,
} from '../../../../services/relay/identity/challenge.ts';
import type { IdentityVerdict } from '../../../../services/relay/identity/identity.ts';
import {
  checkKeyProof,
  type KeyProof,
  type KeyProofContext,
} from '../../../../services/relay/identity/key-proof.ts';
import { isPass, type SignedFacts, signedText } from '../../../../services/shared/protocol/identity.ts';
import { formatIdentity, parseIdentity } from '../../../../services/shared/protocol/presented-identity.ts';
import { MAX_REFUSAL_BYTES } from '../../../../services/shared/protocol/refusals.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { RevocationList } from '../../../../services/shared/ssh/revocation-list.ts';
import { sshsigBytes } from '../../../../services/shared/ssh/sshsig.ts';
import { wireString } from '../../../../services/shared/ssh/strings.ts';
import { makeTestCertificate, textOption } from '../../../support/ssh/test-certificate.ts';
import {
  makeTestKey,
  type SignOptions,
  TEST_KEY_TYPES,
  type TestKey,
} from '../../../support/ssh/test-key.ts';

const SEAL = new ClusterKey(['secret']);
const NOW = 1_800_000_000_000;
const KEY = makeTestKey('ssh-ed25519');
const AUTHORITY = makeTestKey('ssh-ed25519');
const STRANGER = makeTestKey('ssh-ed25519');

const FACTS = {
  audience: 'https://converge.example.com',
  role: 'agent',
  id: 'lab.printer',
  claimHash: 'hash-of-the-claim',
} as const;

const CONTEXT: KeyProofContext = {
  ...FACTS,
  address: '192.0.2.7',
  now: NOW,
  seal: SEAL,
  keys: [keyFingerprint(KEY.blob)],
  authorities: [keyFingerprint(AUTHORITY.blob), keyFingerprint(STRANGER.blob)],
};

interface Making {
  readonly key?: TestKey;
  readonly blob?: Buffer;
  readonly facts?: Partial<SignedFacts>;
  readonly signing?: SignOptions;
  /** Of the signature. */
  readonly namespace?: string;
}

function proofOf(kind: KeyProof['kind'], making: Making = {}): KeyProof {
  const { key = KEY, blob = key.blob, facts = {}, signing, namespace = 'converge' } = making;
  const challenge = facts.challenge ?? makeChallenge(SEAL, NOW);
  const text = signedText({ ...FACTS, ...facts, challenge });
  return { kind, challenge, blob, signature: key.sign(sshsigBytes(text, namespace), signing) };
}

const certificate = makeTestCertificate(KEY, AUTHORITY);

function codeOf(verdict: IdentityVerdict): string {
  return verdict.kind === 'refused' ? verdict.code : verdict.kind;
}

function check(proof: KeyProof, context: Partial<KeyProofContext> = {}): string {
  const keys = [...CONTEXT.keys, keyFingerprint(proof.blob)];
  return codeOf(checkKeyProof(proof, { ...CONTEXT, keys, ...context }));
}

test.each(TEST_KEY_TYPES)('%s proves itself, and travels in a header', (type) => {
  const key = makeTestKey(type);
  const proof = parseIdentity(formatIdentity(proofOf('key', { key }))) as KeyProof;
  expect(checkKeyProof(proof, { ...CONTEXT, keys: [keyFingerprint(key.blob)] })).toEqual({
    kind: 'verified',
    identity: { kind: 'key', blob: key.blob, fingerprint: keyFingerprint(key.blob) },
  });
  const blob = makeTestCertificate(key, AUTHORITY);
  const certified = parseIdentity(formatIdentity(proofOf('certificate', { key, blob }))) as KeyProof;
  expect(checkKeyProof(certified, CONTEXT)).toMatchObject({
    kind: 'verified',
    identity: {
      kind: 'certificate',
      certificate: {
        fingerprint: keyFingerprint(key.blob),
        caFingerprint: keyFingerprint(AUTHORITY.blob),
        principals: ['jane'],
      },
    },
  });
});

test.each<[string, Partial<SignedFacts>]>([
  ['relay', { audience: 'https://evil.example.com' }],
  ['relay on another port', { audience: 'https://converge.example.com:8443' }],
  ['role', { role: 'client' }],
  ['ID', { id: 'lab.scanner' }],
  ['claim', { claimHash: 'another' }],
])('what was signed for another %s proves nothing here', (_name, facts) => {
  expect(check(proofOf('key', { facts }))).toBe('key_bad_signature');
  expect(check(proofOf('certificate', { blob: certificate, facts }))).toBe('certificate_bad_signature');
});

test('what was signed for another use of the key proves nothing', () => {
  for (const namespace of ['git', 'file', '', 'converge\0']) {
    expect(check(proofOf('key', { namespace }))).toBe('key_bad_signature');
  }
  const challenge = makeChallenge(SEAL, NOW);
  const bare = KEY.sign(Buffer.from(signedText({ ...FACTS, challenge })));
  expect(check({ kind: 'key', challenge, blob: KEY.blob, signature: bare })).toBe('key_bad_signature');
});

test('another challenge than the one that was signed is a bad signature', () => {
  const proof = proofOf('key');
  expect(check({ ...proof, challenge: makeChallenge(SEAL, NOW) })).toBe('key_bad_signature');
});

test('a signature by another key is none, whatever is shown beside it', () => {
  const { challenge, signature } = proofOf('key', { key: STRANGER });
  expect(check({ kind: 'key', challenge, signature, blob: KEY.blob })).toBe('key_bad_signature');
  // The authority's own key signs, with somebody else's certificate.
  const byAuthority = proofOf('certificate', { key: AUTHORITY, blob: certificate });
  expect(check(byAuthority)).toBe('certificate_bad_signature');
});

test('RSA with SHA-1, a FIDO key that nobody touched, and a signature with more behind it are none', () => {
  const rsa = makeTestKey('ssh-rsa');
  expect(check(proofOf('key', { key: rsa, signing: { algorithm: 'rsa-sha2-256' } }))).toBe('verified');
  expect(check(proofOf('key', { key: rsa, signing: { algorithm: 'ssh-rsa' } }))).toBe('key_bad_signature');
  const fido = makeTestKey('sk-ssh-ed25519@openssh.com');
  expect(check(proofOf('key', { key: fido, signing: { flags: 0 } }))).toBe('key_bad_signature');
  const proof = proofOf('key');
  const longer = Buffer.concat([proof.signature, Buffer.from([0])]);
  expect(check({ ...proof, signature: longer })).toBe('key_bad_signature');
  expect(check({ ...proof, signature: Buffer.alloc(0) })).toBe('key_bad_signature');
});

test('a FIDO key shows what its certificate asks for', () => {
  const key = makeTestKey('sk-ecdsa-sha2-nistp256@openssh.com');
  const untouched = makeTestCertificate(key, AUTHORITY, {
    extensions: [['no-touch-required', Buffer.alloc(0)]],
  });
  const pinned = makeTestCertificate(key, AUTHORITY, { critical: [['verify-required', Buffer.alloc(0)]] });
  const by = (blob: Buffer, flags: number): string =>
    check(proofOf('certificate', { key, blob, signing: { flags } }));
  expect([by(untouched, 0), by(untouched, 1)]).toEqual(['verified', 'verified']);
  expect([by(pinned, 0), by(pinned, 1), by(pinned, 4), by(pinned, 5)]).toEqual([
    'certificate_bad_signature',
    'certificate_bad_signature',
    'certificate_bad_signature',
    'verified',
  ]);
});

test.each<[string, Parameters<typeof makeTestCertificate>[2], string]>([
  ['is over', { validBefore: BigInt(NOW / 1_000) }, 'certificate_expired'],
  ['has not begun', { validAfter: BigInt(NOW / 1_000) + 1n }, 'certificate_not_yet_valid'],
  ['is of a host', { role: 2 }, 'certificate_wrong_type'],
  ['names nobody', { principals: [] }, 'certificate_wrong_principal'],
  [
    'is for elsewhere',
    { critical: [textOption('source-address', '198.51.100.0/24')] },
    'certificate_wrong_address',
  ],
  [
    'wants what nobody knows',
    { critical: [['x@example.com', Buffer.alloc(0)]] },
    'certificate_unknown_option',
  ],
  ['has another authority than it says', { authority: STRANGER.blob }, 'certificate_bad_signature'],
  ['has a certificate for its authority', { authority: certificate }, 'certificate_malformed'],
])('a certificate that %s is refused, however well its key signs', (_name, changes, code) => {
  const blob = makeTestCertificate(KEY, AUTHORITY, changes);
  expect(check(proofOf('certificate', { blob }))).toBe(code);
});

test('a key is no certificate, a certificate is no key, and an authority certifies nobody by itself', () => {
  expect(check(proofOf('certificate', { blob: KEY.blob }))).toBe('certificate_malformed');
  expect(check(proofOf('certificate', { key: AUTHORITY }))).toBe('certificate_malformed');
  expect(check(proofOf('key', { blob: certificate }))).toBe('identity_malformed');
  for (const blob of [Buffer.alloc(0), Buffer.from('x'), wireString('ssh-ed25519'), randomBytes(300)]) {
    expect(check(proofOf('key', { blob }))).toBe('identity_malformed');
    expect(check(proofOf('certificate', { blob }))).toBe('certificate_malformed');
  }
});

test('what no rule names is refused with no signature checked, good or bad', () => {
  const key = proofOf('key');
  const certified = proofOf('certificate', { blob: certificate });
  for (const signature of [undefined, Buffer.alloc(0)]) {
    const changed = signature === undefined ? {} : { signature };
    expect(check({ ...key, ...changed }, { keys: [keyFingerprint(STRANGER.blob)] })).toBe('key_unknown');
    // An authority is no key, and a key no authority.
    const others = { authorities: [keyFingerprint(KEY.blob)] };
    expect(check({ ...certified, ...changed }, others)).toBe('certificate_unknown_ca');
  }
  expect(check(proofOf('key', { key: AUTHORITY }), { keys: CONTEXT.keys })).toBe('key_unknown');
});

test('what is revoked is refused, key or certificate', () => {
  const revoked = new RevocationList({ keys: [KEY.blob], sha1: [], sha256: [], certificates: [] });
  expect(check(proofOf('key'), { revoked })).toBe('key_unknown');
  expect(check(proofOf('certificate', { blob: certificate }), { revoked })).toBe('certificate_revoked');
});

test('a challenge is good for a minute, on every pod, also by a clock that is a little off', () => {
  const challenge = makeChallenge(SEAL, NOW);
  expect(isPass(challenge)).toBe(true);
  const good = CHALLENGE_TTL_MS + CHALLENGE_SKEW_MS;
  const ages = [-CHALLENGE_SKEW_MS - 1, -CHALLENGE_SKEW_MS, 0, CHALLENGE_TTL_MS, good, good + 1];
  const otherPod = new ClusterKey(['secret']);
  expect(ages.map((age) => isFreshChallenge(otherPod, challenge, NOW + age))).toEqual([
    false,
    true,
    true,
    true,
    true,
    false,
  ]);
  expect(check(proofOf('key'), { now: NOW + good + 1 })).toBe('challenge_stale');
});

test('a challenge outlives the rotation of the cluster key, and no other cluster takes it', () => {
  const challenge = makeChallenge(SEAL, NOW);
  expect(isFreshChallenge(new ClusterKey(['new', 'secret']), challenge, NOW)).toBe(true);
  expect(isFreshChallenge(new ClusterKey(['new']), challenge, NOW)).toBe(false);
});

test('a challenge that was made up or changed is stale, and what else the cluster signs is none', () => {
  const challenge = makeChallenge(SEAL, NOW);
  const [time = '', nonce = '', signature = ''] = challenge.split('.');
  const later = (NOW + 60_000).toString(36);
  const text = `${time}.${nonce}`;
  const forged = [
    '',
    '..',
    `${later}.${nonce}.${signature}`,
    `${time}.${nonce.replace(/./, 'x')}.${signature}`,
    `${time}.${nonce}.${signature.slice(1)}`,
    `${time}.${nonce}.${signature}=`,
    `${time}.${nonce}.${signature}.`,
    `${text}.${SEAL.sign('grant', text)}`,
    `${text}.${SEAL.sign('peer', text)}`,
    SEAL.seal(text),
    '9'.repeat(900),
  ];
  for (const made of forged) {
    // `x` may be what stood there.
    if (made !== challenge) expect(isFreshChallenge(SEAL, made, NOW), made).toBe(false);
  }
});

test('two challenges of one moment are two', () => {
  expect(makeChallenge(SEAL, NOW)).not.toBe(makeChallenge(SEAL, NOW));
});

test('no refusal is longer than is read, however long the names in a certificate are', () => {
  const long = 'x'.repeat(2_000);
  const options = [
    { principals: [] },
    { critical: [textOption('source-address', Array<string>(200).fill('198.51.100.0/24').join(','))] },
    { critical: [[long, Buffer.alloc(0)] as const] },
    { keyId: long, role: 2 },
  ];
  for (const changes of options) {
    const blob = makeTestCertificate(KEY, AUTHORITY, changes);
    const verdict = checkKeyProof(proofOf('certificate', { blob }), CONTEXT);
    expect(verdict.kind).toBe('refused');
    if (verdict.kind === 'refused') expect(verdict.message.length).toBeLessThan(MAX_REFUSAL_BYTES / 4);
  }
});

test('a bad signature says what it should have been made for', () => {
  const verdict = checkKeyProof(proofOf('key', { facts: { audience: 'http://127.0.0.1' } }), CONTEXT);
  expect(verdict).toEqual({
    kind: 'refused',
    code: 'key_bad_signature',
    message: `${keyFingerprint(KEY.blob)} did not sign this challenge for agent lab.printer at https://converge.example.com, the name by which to dial this relay`,
  });
});
