// Where revoked keys come from: a file or an https URL with a KRL or a list of public keys, loaded once at start.
import { MAX_REVOCATION_LIST_BYTES, readRevocations } from '#shared/ssh/revocation-file.ts';
import type { RevocationList } from '#shared/ssh/revocation-list.ts';
import { type LoadOptions, loadSource } from './source.ts';

export type LoadedRevocations =
  | { readonly kind: 'loaded'; readonly list: RevocationList }
  | { readonly kind: 'failed'; readonly fault: string };

/** Loads and reads one source. Never throws. */
export async function loadRevokedKeys(source: string, options: LoadOptions): Promise<LoadedRevocations> {
  const loaded = await loadSource(source, { ...options, maxBytes: MAX_REVOCATION_LIST_BYTES });
  const name = `revoked keys ${loaded.name}`;
  if (loaded.kind === 'failed') return { kind: 'failed', fault: `${name}: ${loaded.fault}` };
  const read = readRevocations(loaded.bytes);
  if (read.kind === 'read') return { kind: 'loaded', list: read.list };
  return { kind: 'failed', fault: `${name}: it ${read.detail}` };
}
