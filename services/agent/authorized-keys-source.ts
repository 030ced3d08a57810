// Where authorized keys come from: files and http(s) URLs, loaded once at start.
import { readFile, stat } from 'node:fs/promises';

/** GitHub's answer for one person is below 10 KiB; this bounds what a wrong URL can cost. */
export const MAX_KEYS_BYTES = 256 * 1_024;

/** A job should fail early rather than hang in its first step. */
export const KEYS_FETCH_TIMEOUT_MS = 10_000;

/** The text of one source, for the parser of authorized_keys files. */
export interface KeySource {
  readonly source: string;
  readonly text: string;
}

export type LoadedKeys =
  | { readonly kind: 'loaded'; readonly sources: readonly KeySource[] }
  /** One line per source that gave nothing, naming it and the way out. */
  | { readonly kind: 'failed'; readonly faults: readonly string[] };

/** How a URL is fetched; the default is the global fetch. */
export type Fetch = (url: string, init: { signal: AbortSignal }) => Promise<Response>;

/** Loads every source; all or nothing, since a key that is missing in silence locks its owner out. Never throws. */
export async function loadAuthorizedKeys(
  sources: readonly string[],
  { fetch = globalThis.fetch }: { fetch?: Fetch } = {},
): Promise<LoadedKeys> {
  const results = await Promise.all(sources.map((source) => load(source, fetch)));
  const faults = results.flatMap((result) => (typeof result === 'string' ? [result] : []));
  if (faults.length > 0) return { kind: 'failed', faults };
  return { kind: 'loaded', sources: results.filter((result) => typeof result !== 'string') };
}

/** The source's text, or what is wrong with it in one line. */
async function load(source: string, fetch: Fetch): Promise<KeySource | string> {
  const isUrl = /^https?:\/\//i.test(source);
  try {
    const text = isUrl ? await fetchText(source, fetch) : await readText(source);
    if (text.trim() !== '') return { source, text };
    return isUrl
      ? `authorized keys ${nameOf(source)}: the answer is empty; has this user added an SSH key there?`
      : `authorized keys ${source}: the file is empty; add a line such as "ssh-ed25519 AAAA… name"`;
  } catch (error) {
    return `authorized keys ${nameOf(source)}: ${faultFrom(error)}`;
  }
}

class SourceFault extends Error {
  readonly code = 'unusable_source';
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_KEYS_BYTES) throw tooBig();
  return readFile(path, 'utf8');
}

async function fetchText(url: string, fetch: Fetch): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(KEYS_FETCH_TIMEOUT_MS) });
  if (!response.ok) {
    await response.body?.cancel();
    throw new SourceFault(`the server answered ${response.status}; check the URL`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    // Leaving the loop by throwing cancels the body.
    if (size > MAX_KEYS_BYTES) throw tooBig();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A URL without what may be secret in it: this goes to the job log. */
function nameOf(source: string): string {
  if (!/^https?:/i.test(source) || !URL.canParse(source)) return source;
  const { origin, pathname } = new URL(source);
  return `${origin}${pathname}`;
}

function tooBig(): SourceFault {
  return new SourceFault(`more than ${MAX_KEYS_BYTES / 1_024} KiB; is this a list of public keys?`);
}

function faultFrom(error: unknown): string {
  if (error instanceof SourceFault) return error.message;
  if (!(error instanceof Error)) return String(error);
  // What was read from a body then is aborted, with the timeout as the cause.
  const isTimeout = [error, error.cause].some(
    (each) => each instanceof Error && each.name === 'TimeoutError',
  );
  if (isTimeout) return `no answer within ${KEYS_FETCH_TIMEOUT_MS / 1_000} s`;
  if ('code' in error && error.code === 'ENOENT') return 'no such file; give a path or an https:// URL';
  if ('code' in error && error.code === 'EISDIR') return 'is a directory; give a file';
  // fetch says "fetch failed" and keeps what happened in the cause.
  return error.cause instanceof Error ? error.cause.message : error.message;
}
