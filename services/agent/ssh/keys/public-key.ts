// Public keys: the fingerprint people see, and whether a signature is by the key.
import ssh2 from 'ssh2';
import { fingerprintOf, formatFingerprint } from '#shared/ssh/fingerprint.ts';
import { WireReader } from '#shared/ssh/strings.ts';
import { isSecurityKeyType, verifySecurityKey } from './security-key.ts';

/** No name in SSH is longer (RFC 4251 section 6). */
const MAX_KEY_TYPE_BYTES = 64;

/** Key types that may log in; DSA and certificates may not. */
const PLAIN_KEY_TYPES: ReadonlySet<string> = new Set([
  'ssh-ed25519',
  'ssh-rsa',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
]);

/** A signature over `blob`, as ssh2 hands it over: without its algorithm name, ECDSA in DER. */
export interface Signature {
  readonly blob: Buffer;
  readonly signature: Buffer;
  /** `sha256` or `sha512` for rsa-sha2-*; undefined for types with a fixed hash, and for RSA with SHA-1. */
  readonly hashAlgorithm: string | undefined;
}

/** The fingerprint of a key blob, as OpenSSH prints it. */
export function keyFingerprint(blob: Buffer): string {
  return formatFingerprint(fingerprintOf(blob));
}

/** Whether keys of this type may log in. */
export function isSupportedKeyType(type: string): boolean {
  return PLAIN_KEY_TYPES.has(type) || isSecurityKeyType(type);
}

/** The type that a key blob names itself (RFC 4253 section 6.6), or undefined when it is not a key blob. */
export function keyTypeOf(blob: Buffer): string | undefined {
  const type = new WireReader(blob).string();
  const isName = type !== undefined && type.length > 0 && type.length <= MAX_KEY_TYPE_BYTES;
  return isName ? type.toString('latin1') : undefined;
}

/** Whether a blob is a whole key of a type that may log in. */
export function isUsableKey(blob: Buffer): boolean {
  const type = keyTypeOf(blob);
  if (type === undefined || !isSupportedKeyType(type)) return false;
  if (isSecurityKeyType(type)) return true; // parsed when it is used
  return !(ssh2.utils.parseKey(`${type} ${blob.toString('base64')}`) instanceof Error);
}

/** Whether `signature` was made by the private half of `key`. Never throws. */
export function verifySignature(key: Buffer, signature: Signature): boolean {
  const type = keyTypeOf(key);
  if (type === undefined || !isSupportedKeyType(type)) return false;
  if (isSecurityKeyType(type)) return verifySecurityKey(key, signature.blob, signature.signature);
  // RSA with SHA-1: OpenSSH has refused it since 8.8, so do we.
  if (type === 'ssh-rsa' && signature.hashAlgorithm === undefined) return false;
  const parsed = ssh2.utils.parseKey(`${type} ${key.toString('base64')}`);
  if (parsed instanceof Error) return false;
  // The types say boolean; ssh2 returns an Error, which is truthy, for what it cannot read.
  const verdict: unknown = parsed.verify(signature.blob, signature.signature, signature.hashAlgorithm);
  return verdict === true;
}
