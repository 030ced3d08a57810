// Credentials: who may enter, and checking a login against that.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { AuthorizedKey } from './authorized-keys.ts';

/** With keys there is no password. */
export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'keys'; readonly user: string; readonly keys: readonly AuthorizedKey[] };

/** Compares in a time that reveals nothing about where, or by how much, the two differ. */
export function isSameSecret(left: string, right: string): boolean {
  return timingSafeEqual(digest(left), digest(right));
}

/** The authorized key with this blob, if any. */
export function findKey(keys: readonly AuthorizedKey[], blob: Buffer): AuthorizedKey | undefined {
  return keys.find((key) => key.blob.equals(blob));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
