// Credentials: who may enter, and checking a login against that.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { AccessList } from './access-list.ts';
import type { LinkSecret } from './link-secret.ts';

/** With keys there is no password. */
export type Credentials =
  | {
      readonly kind: 'password';
      readonly user: string;
      readonly password: string;
      /** Lets in once, in the place of the password; undefined: none was asked for. */
      readonly link?: LinkSecret | undefined;
    }
  | { readonly kind: 'keys'; readonly user: string; readonly access: AccessList };

/** Compares in a time that reveals nothing about where, or by how much, the two differ. */
export function isSameSecret(left: string, right: string): boolean {
  return timingSafeEqual(digest(left), digest(right));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
