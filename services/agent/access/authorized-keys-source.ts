// Where authorized keys come from: files and https URLs, loaded once at start.
import { readFile, stat } from 'node:fs/promises';

/** GitHub's answer for one person is below 10 KiB; this bounds what a wrong URL can cost. */
export const MAX_KEYS_BYTES = 256 * 1_024;

/** In milliseconds. A job should fail early rather than hang in its first step. */
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

/** What was fetched; the body is read by the caller, who may stop. */
export interface Fetched {
  readonly status: number;
  readonly contentType: string;
  readonly body: AsyncIterable<Uint8Array>;
}

/** How a URL is fetched, redirects included: without `allowsHttp` every step is https. */
export type Fetch = (
  url: string,
  init: {
    readonly signal: AbortSignal;
    readonly allowsHttp: boolean;
    /** For the origin of `url` only. */
    readonly headers?: Readonly<Record<string, string>>;
  },
) => Promise<Fetched>;

export interface LoadOptions {
  readonly fetch: Fetch;
  /** Over http: whoever changes the answer on its way can let themselves in. Only where somebody asked for it. */
  readonly allowsHttp: boolean;
}

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
  const isUrl = /^https?:\/\//i.test(source);
  const name = nameOf(source);
  try {
    const text = isUrl ? await fetchText(source, options) : await readText(source);
    if (text.trim() !== '') return { source: name, text };
    return isUrl
      ? `authorized keys ${name}: the answer is empty; has this user added an SSH key there?`
      : `authorized keys ${name}: the file is empty; add a line such as "ssh-ed25519 AAAA… name"`;
  } catch (error) {
    return `authorized keys ${name}: ${faultFrom(error)}`;
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

async function fetchText(url: string, { fetch, allowsHttp }: LoadOptions): Promise<string> {
  if (!allowsHttp && /^http:/i.test(url)) {
    throw new SourceFault(
      'not https, so whoever is on the way could add a key; use https://, or --allow-insecure-keys-url',
    );
  }
  const signal = AbortSignal.timeout(KEYS_FETCH_TIMEOUT_MS);
  const { status, contentType, body } = await fetch(url, { signal, allowsHttp });
  const text = await textOf(body, status, signal);
  const isPage = /\bhtml\b/i.test(contentType) || /^\s*<(!doctype|html)\b/i.test(text);
  if (isPage) throw new SourceFault('the answer is a web page, not a list of public keys; check the URL');
  return text;
}

async function textOf(body: Fetched['body'], status: number, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    // Leaving the loop by throwing cancels the body.
    for await (const chunk of body) {
      if (status < 200 || status > 299) break;
      size += chunk.length;
      if (size > MAX_KEYS_BYTES) throw tooBig();
      chunks.push(chunk);
    }
  } catch (error) {
    // After a timeout the body only says that it was aborted; the signal's reason says why.
    throw signal.aborted ? signal.reason : error;
  }
  if (status < 200 || status > 299) throw new SourceFault(`the server answered ${status}; check the URL`);
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
  if (error.name === 'TimeoutError') return `no answer within ${KEYS_FETCH_TIMEOUT_MS / 1_000} s`;
  if ('code' in error && error.code === 'ENOENT') return 'no such file; give a path or an https:// URL';
  if ('code' in error && error.code === 'EISDIR') return 'is a directory; give a file';
  return error.message;
}
