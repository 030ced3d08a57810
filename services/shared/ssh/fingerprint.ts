// The fingerprint of a key: made of it, and compared.
import { createHash, timingSafeEqual } from 'node:crypto';
import { type Fingerprint, formatFingerprint } from './fingerprint-text.ts';

/** The fingerprint of a key blob (RFC 4253 section 6.6); a host's is the string K_S. */
export function fingerprintOf(key: Buffer): Fingerprint {
  return { digest: createHash('sha256').update(key).digest() };
}

/** `SHA256:…` of a key blob. */
export function keyFingerprint(blob: Buffer): string {
  return formatFingerprint(fingerprintOf(blob));
}

/** True if both are of the same key. */
export function isSameKey(a: Fingerprint, b: Fingerprint): boolean {
  return timingSafeEqual(a.digest, b.digest);
}
