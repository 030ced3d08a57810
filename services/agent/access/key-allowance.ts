// Key allowances: a key that somebody in the job lets in too, for as long as the agent lives.
import { MAX_ALLOWED_KEYS } from './access-list.ts';
import { type AuthorizedKey, parseAuthorizedKeys } from './authorized-keys.ts';
import type { Credentials } from './credentials.ts';

/** What came of it. */
export type KeyAllowance =
  | { readonly kind: 'allowed'; readonly fingerprint: string; readonly comment: string }
  /** This agent asks for a password. */
  | { readonly kind: 'password' }
  | { readonly kind: 'refused'; readonly problem: string };

/** Lets in the key of one line of `authorized_keys`. Whoever asks is in the job already, as the user that it runs as. */
export function allowKey(credentials: Credentials, line: string): KeyAllowance {
  if (credentials.kind === 'password') return { kind: 'password' };
  const parsed = parseAuthorizedKeys(line, 'the key');
  if (parsed.kind === 'refused')
    return { kind: 'refused', problem: parsed.problems[0] ?? 'not a public key' };
  const [key, ...more] = parsed.keys;
  if (key === undefined || more.length > 0) return { kind: 'refused', problem: 'one key at a time' };
  switch (credentials.access.allow(key)) {
    case 'allowed':
      return allowed(key);
    case 'revoked':
      return { kind: 'refused', problem: `the key ${key.fingerprint} is revoked (--revoked-keys)` };
    case 'too_many':
      return { kind: 'refused', problem: TOO_MANY };
  }
}

const TOO_MANY = `${MAX_ALLOWED_KEYS} keys were allowed already, and there cannot be more`;

function allowed({ fingerprint, comment }: AuthorizedKey): KeyAllowance {
  return { kind: 'allowed', fingerprint, comment };
}
