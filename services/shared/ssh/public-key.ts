// Public keys of SSH, from their wire form to keys that node:crypto verifies with.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { WireReader, wireString } from './strings.ts';

/** The types of key that count. DSA does not, nor what has no hash but SHA-1. */
export const KEY_TYPES = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/** No name in SSH is longer, in bytes (RFC 4251 section 6). */
const MAX_KEY_TYPE_BYTES = 64;

/** As OpenSSH has them, in bits: what is shorter can be broken, what is longer only costs time. */
export const MIN_RSA_BITS = 1_024;
export const MAX_RSA_BITS = 16_384;
/** In bytes. 65537, which everybody uses, has three; a longer one makes each verification dearer, and nothing safer. */
const MAX_RSA_EXPONENT_BYTES = 4;

/** The application of a FIDO key is `ssh:` and perhaps a word, in bytes. */
const MAX_APPLICATION_BYTES = 1_024;

export interface PublicKey {
  readonly type: KeyType;
  /** In SSH's wire form (RFC 4253 section 6.6): what fingerprints are made of, and what is compared. */
  readonly blob: Buffer;
  readonly key: KeyObject;
  /** What a FIDO key was made for (OpenSSH's PROTOCOL.u2f); undefined for all others. */
  readonly application: Buffer | undefined;
}

/** What stands behind the type in the wire form. */
type KeyFields = Pick<PublicKey, 'key' | 'application'>;

/** The curves of ECDSA, as SSH and JSON web keys name them. */
const CURVES = {
  nistp256: { crv: 'P-256', bytes: 32 },
  nistp384: { crv: 'P-384', bytes: 48 },
  nistp521: { crv: 'P-521', bytes: 66 },
} as const;

/** True if keys of this type count. */
export function isSupportedKeyType(type: string): type is KeyType {
  return (KEY_TYPES as readonly string[]).includes(type);
}

/** True for the types of a FIDO token. */
export function isSecurityKeyType(type: string): boolean {
  return type.startsWith('sk-');
}

/** The type that a key or certificate names itself (RFC 4253 section 6.6); undefined if it is neither. */
export function keyTypeOf(blob: Buffer): string | undefined {
  const type = new WireReader(blob).string();
  const isName = type !== undefined && type.length > 0 && type.length <= MAX_KEY_TYPE_BYTES;
  return isName ? type.toString('latin1') : undefined;
}

/** The key in `blob`; undefined if that is not one whole key of a type that counts, and nothing else. Never throws. */
export function readPublicKey(blob: Buffer): PublicKey | undefined {
  const type = keyTypeOf(blob);
  if (type === undefined || !isSupportedKeyType(type)) return undefined;
  const reader = new WireReader(blob);
  reader.string();
  const key = readKeyFields(type, reader);
  return key === undefined || !reader.isAtEnd() ? undefined : key;
}

/**
 * The key whose fields `reader` stands at, as in a certificate, where the type stands elsewhere. Undefined if they are
 * not those of a key of `type`. Never throws.
 */
export function readKeyFields(type: KeyType, reader: WireReader): PublicKey | undefined {
  const before = reader.rest();
  try {
    const fields = fieldsFrom(type, reader);
    if (fields === undefined) return undefined;
    const body = before.subarray(0, before.length - reader.rest().length);
    return { type, blob: Buffer.concat([wireString(type), body]), ...fields };
  } catch {
    return undefined; // a point that is not on its curve
  }
}

/** @throws Error of node:crypto for numbers that are no key */
function fieldsFrom(type: KeyType, reader: WireReader): KeyFields | undefined {
  switch (type) {
    case 'ssh-ed25519':
      return withoutApplication(ed25519(reader));
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return withoutApplication(ecdsa(type.slice('ecdsa-sha2-'.length), reader));
    case 'ssh-rsa':
      return withoutApplication(rsa(reader));
    case 'sk-ssh-ed25519@openssh.com':
      return withApplication(ed25519(reader), reader);
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return withApplication(ecdsa('nistp256', reader), reader);
  }
}

function withoutApplication(key: KeyObject | undefined): KeyFields | undefined {
  return key === undefined ? undefined : { key, application: undefined };
}

function withApplication(key: KeyObject | undefined, reader: WireReader): KeyFields | undefined {
  const application = reader.string();
  if (key === undefined || application === undefined || application.length > MAX_APPLICATION_BYTES)
    return undefined;
  return { key, application };
}

/** RFC 8709 section 4. */
function ed25519(reader: WireReader): KeyObject | undefined {
  const point = reader.string();
  if (point?.length !== 32) return undefined;
  return fromJwk({ kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') });
}

/** RFC 5656 section 3.1; only uncompressed points, as OpenSSH. */
function ecdsa(curve: string, reader: WireReader): KeyObject | undefined {
  const name = reader.string()?.toString('latin1');
  const point = reader.string();
  if (name !== curve || !isCurve(curve) || point === undefined) return undefined;
  const { crv, bytes } = CURVES[curve];
  if (point.length !== 1 + 2 * bytes || point[0] !== 0x04) return undefined;
  const x = point.toString('base64url', 1, 1 + bytes);
  const y = point.toString('base64url', 1 + bytes);
  return fromJwk({ kty: 'EC', crv, x, y });
}

/** RFC 4253 section 6.6. */
function rsa(reader: WireReader): KeyObject | undefined {
  const exponent = unsignedFrom(reader.string());
  const modulus = unsignedFrom(reader.string());
  if (exponent === undefined || modulus === undefined || exponent.length > MAX_RSA_EXPONENT_BYTES)
    return undefined;
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) return undefined;
  return fromJwk({ kty: 'RSA', e: exponent.toString('base64url'), n: modulus.toString('base64url') });
}

/**
 * The digits of a positive mpint without a leading zero; undefined for another number, and where it is not written in the
 * one way that RFC 4251 section 5 allows: else one key would have many fingerprints.
 */
export function unsignedFrom(mpint: Buffer | undefined): Buffer | undefined {
  const [first, second] = mpint ?? [];
  if (mpint === undefined || first === undefined || first >= 0x80) return undefined;
  if (first !== 0) return mpint;
  return second === undefined || second < 0x80 ? undefined : mpint.subarray(1);
}

function isCurve(name: string): name is keyof typeof CURVES {
  return Object.hasOwn(CURVES, name);
}

function fromJwk(key: Record<string, string>): KeyObject {
  return createPublicKey({ key, format: 'jwk' });
}
