// Keys of a test that sign as OpenSSH's do, FIDO keys included, written apart from the code that is tested.
import { createHash, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto';
import { wireString } from '../../../services/shared/ssh/strings.ts';

export interface TestKey {
  readonly type: string;
  /** The public key in SSH's wire form. */
  readonly blob: Buffer;
  /** What follows the type in it. */
  readonly fields: Buffer;
  /** SSH's signature blob over a message. */
  sign(message: Buffer, options?: SignOptions): Buffer;
}

export interface SignOptions {
  /** Another algorithm than the key's usual one: `rsa-sha2-256`, `ssh-rsa`. */
  readonly algorithm?: string;
  /** Of a FIDO key: 1 touched, 4 verified. */
  readonly flags?: number;
}

const CURVES = { nistp256: 'P-256', nistp384: 'P-384', nistp521: 'P-521' } as const;
const CURVE_HASHES = { nistp256: 'sha256', nistp384: 'sha384', nistp521: 'sha512' } as const;
const RSA_HASHES: Readonly<Record<string, string>> = {
  'ssh-rsa': 'sha1',
  'rsa-sha2-256': 'sha256',
  'rsa-sha2-512': 'sha512',
};
const APPLICATION = 'ssh:';
const TOUCHED = 1;

/** The types that `makeTestKey` makes. */
export const TEST_KEY_TYPES = [
  'ssh-ed25519',
  'ssh-rsa',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
] as const;
export type TestKeyType = (typeof TEST_KEY_TYPES)[number];

export function makeTestKey(type: TestKeyType, rsaBits = 2_048): TestKey {
  switch (type) {
    case 'ssh-ed25519':
    case 'sk-ssh-ed25519@openssh.com':
      return ed25519(type);
    case 'ssh-rsa':
      return rsa(rsaBits);
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return ecdsa(type, type.slice(-8) as keyof typeof CURVES);
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return ecdsa(type, 'nistp256');
  }
}

function ed25519(type: string): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const point = wireString(bytesOf(publicKey.export({ format: 'jwk' }), 'x'));
  return testKey(type, [point], (message) => sign(null, message, privateKey));
}

function ecdsa(type: string, curve: keyof typeof CURVES): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: CURVES[curve] });
  const jwk = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), bytesOf(jwk, 'x'), bytesOf(jwk, 'y')]);
  return testKey(type, [wireString(curve), wireString(point)], (message) => {
    const raw = sign(CURVE_HASHES[curve], message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const half = raw.length / 2;
    return Buffer.concat([mpint(raw.subarray(0, half)), mpint(raw.subarray(half))]);
  });
}

function rsa(bits: number): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const jwk = publicKey.export({ format: 'jwk' });
  const fields = [mpint(bytesOf(jwk, 'e')), mpint(bytesOf(jwk, 'n'))];
  return testKey(
    'ssh-rsa',
    fields,
    (message, algorithm) => sign(RSA_HASHES[algorithm], message, privateKey),
    'rsa-sha2-512',
  );
}

function testKey(
  type: string,
  parts: readonly Buffer[],
  signRaw: (message: Buffer, algorithm: string) => Buffer,
  usual = type,
): TestKey {
  const isSecurityKey = type.startsWith('sk-');
  const fields = Buffer.concat(isSecurityKey ? [...parts, wireString(APPLICATION)] : parts);
  return {
    type,
    fields,
    blob: Buffer.concat([wireString(type), fields]),
    sign: (message, { algorithm = usual, flags = TOUCHED } = {}) => {
      const state = isSecurityKey ? Buffer.from([flags, 0, 0, 0, 9]) : Buffer.alloc(0);
      const signed = isSecurityKey
        ? Buffer.concat([sha256(Buffer.from(APPLICATION)), state, sha256(message)])
        : message;
      return Buffer.concat([wireString(algorithm), wireString(signRaw(signed, algorithm)), state]);
    },
  };
}

/** A positive number as RFC 4251 section 5 writes it. */
export function mpint(digits: Buffer): Buffer {
  const first = digits.findIndex((byte) => byte !== 0);
  const bare = first === -1 ? Buffer.alloc(0) : digits.subarray(first);
  return wireString((bare[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bare]) : bare);
}

function bytesOf(jwk: JsonWebKey, name: 'e' | 'n' | 'x' | 'y'): Buffer {
  return Buffer.from(jwk[name] ?? '', 'base64url');
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
