// User authorities: whose certificates count, from a file or URL as sshd's TrustedUserCAKeys has them.
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { readKeyLine } from '#shared/ssh/key-line.ts';
import { MAX_KEYS_BYTES } from './authorized-keys-source.ts';
import { type LoadOptions, loadSource } from './source.ts';

/** A company has two or three. */
export const MAX_USER_AUTHORITIES = 100;

export interface UserAuthority {
  /** `SHA256:…` */
  readonly fingerprint: string;
  /** Usually what it is called; may be empty. */
  readonly comment: string;
}

export type ReadAuthorities =
  | { readonly kind: 'read'; readonly authorities: readonly UserAuthority[] }
  /** One line each, naming the source and the way out. */
  | { readonly kind: 'failed'; readonly faults: readonly string[] };

/** Reads keys, one a line. Nobody may enter by a list that was half understood. Never throws. */
export function parseUserAuthorities(text: string, name: string): ReadAuthorities {
  const authorities: UserAuthority[] = [];
  const faults: string[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const read = readKeyLine(line);
    if (read === undefined) {
      faults.push(`${name}, line ${index + 1}: not the public key of an authority, as in ca.pub`);
    } else {
      authorities.push({ fingerprint: keyFingerprint(read.key.blob), comment: read.comment.trim() });
    }
  }
  if (faults.length > 0) return { kind: 'failed', faults: faults.slice(0, 1) };
  if (authorities.length === 0) return { kind: 'failed', faults: [`${name}: no public key of an authority`] };
  if (authorities.length > MAX_USER_AUTHORITIES) {
    return { kind: 'failed', faults: [`${name}: more than ${MAX_USER_AUTHORITIES} authorities`] };
  }
  return { kind: 'read', authorities };
}

/** Loads and reads every source; all or nothing. Never throws. */
export async function loadUserAuthorities(
  sources: readonly string[],
  options: LoadOptions,
): Promise<ReadAuthorities> {
  const loaded = await Promise.all(
    sources.map((source) => loadSource(source, { ...options, maxBytes: MAX_KEYS_BYTES })),
  );
  const read = loaded.map((source): ReadAuthorities => {
    const name = `trusted user CA ${source.name}`;
    if (source.kind === 'failed') return { kind: 'failed', faults: [`${name}: ${source.fault}`] };
    return parseUserAuthorities(source.bytes.toString('utf8'), name);
  });
  const faults = read.flatMap((result) => (result.kind === 'failed' ? result.faults : []));
  if (faults.length > 0) return { kind: 'failed', faults };
  const authorities = read.flatMap((result) => (result.kind === 'read' ? result.authorities : []));
  return { kind: 'read', authorities };
}
