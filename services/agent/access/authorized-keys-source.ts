// Where authorized keys come from: files and https URLs, loaded once at start.
import { isUrl, type LoadOptions, loadSource } from './source.ts';

/** GitHub's answer for one person is below 10 KiB; this bounds what a wrong URL can cost. */
export const MAX_KEYS_BYTES = 256 * 1_024;

/** The text of one source, for the parser of authorized_keys files. */
export interface KeySource {
  readonly source: string;
  readonly text: string;
}

export type LoadedKeys =
  | { readonly kind: 'loaded'; readonly sources: readonly KeySource[] }
  /** One line per source that gave nothing, naming it and the way out. */
  | { readonly kind: 'failed'; readonly faults: readonly string[] };

/** Loads every source; all or nothing, since a key that is missing in silence locks its owner out. Never throws. */
export async function loadAuthorizedKeys(
  sources: readonly string[],
  options: LoadOptions,
): Promise<LoadedKeys> {
  const results = await Promise.all(sources.map((source) => load(source, options)));
  const faults = results.flatMap((result) => (typeof result === 'string' ? [result] : []));
  if (faults.length > 0) return { kind: 'failed', faults };
  return { kind: 'loaded', sources: results.filter((result) => typeof result !== 'string') };
}

/** The source's text, or what is wrong with it in one line. */
async function load(source: string, options: LoadOptions): Promise<KeySource | string> {
  const loaded = await loadSource(source, { ...options, maxBytes: MAX_KEYS_BYTES });
  const { name } = loaded;
  if (loaded.kind === 'failed') return `authorized keys ${name}: ${loaded.fault}`;
  const text = loaded.bytes.toString('utf8');
  if (text.trim() !== '') return { source: name, text };
  return isUrl(source)
    ? `authorized keys ${name}: the answer is empty; has this user added an SSH key there?`
    : `authorized keys ${name}: the file is empty; add a line such as "ssh-ed25519 AAAA… name"`;
}
