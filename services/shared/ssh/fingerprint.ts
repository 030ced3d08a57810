// The fingerprint of a key, as `ssh-keygen -l` prints it: `SHA256:` and base64 without padding.
import { createHash, timingSafeEqual } from 'node:crypto';

/** The SHA-256 of a key blob: 32 bytes. */
export interface Fingerprint {
  readonly digest: Buffer;
}

/** What a fingerprint looks like, in words for a person. */
export const FINGERPRINT_RULE = 'SHA256: and the 43 characters of base64 that ssh-keygen -l prints';

/** 43 characters carry 258 bits: the last one has two that must be zero, so the text is unique to the digest. */
const PATTERN = /^SHA256:([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048])=?$/;

/** Reads `SHA256:BASE64`, padded or not; undefined if it is anything else. */
export function parseFingerprint(text: string): Fingerprint | undefined {
  const base64 = PATTERN.exec(text)?.[1];
  return base64 === undefined ? undefined : { digest: Buffer.from(base64, 'base64') };
}

/** The fingerprint of a key blob (RFC 4253 section 6.6); a host's is the string K_S. */
export function fingerprintOf(key: Buffer): Fingerprint {
  return { digest: createHash('sha256').update(key).digest() };
}

/** The text of a fingerprint, as `ssh-keygen -l` prints it. */
export function formatFingerprint(fingerprint: Fingerprint): string {
  return `SHA256:${fingerprint.digest.toString('base64').replace(/=+$/, '')}`;
}

/** `SHA256:…` of a key blob. */
export function keyFingerprint(blob: Buffer): string {
  return formatFingerprint(fingerprintOf(blob));
}

/** True if both are of the same key. */
export function isSameKey(a: Fingerprint, b: Fingerprint): boolean {
  return timingSafeEqual(a.digest, b.digest);
}
