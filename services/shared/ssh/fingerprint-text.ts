// A fingerprint as text, as `ssh-keygen -l` prints it: `SHA256:` and base64 without padding. It needs no cryptography: wsproxy
// reads one before it knows whether it will dial.

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

/** The text of a fingerprint, as `ssh-keygen -l` prints it. */
export function formatFingerprint(fingerprint: Fingerprint): string {
  return `SHA256:${fingerprint.digest.toString('base64').replace(/=+$/, '')}`;
}
