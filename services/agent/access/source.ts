// A source of keys: a file or an https URL, read whole, and bounded in size and time.
import { readFile, stat } from 'node:fs/promises';
import { ProxyUnreachable } from '#shared/outbound/trusting-request.ts';
import { unreachableWords } from '#shared/websocket/dial-failure-text.ts';

/** In milliseconds. A job should fail early rather than hang in its first step. */
export const KEYS_FETCH_TIMEOUT_MS = 10_000;

/** What was fetched; the body is read by the caller, who may stop. */
export interface Fetched {
  readonly status: number;
  readonly contentType: string;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface FetchInit {
  readonly signal: AbortSignal;
  readonly allowsHttp: boolean;
  /** For the origin of the URL; a redirect to another one goes without them. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** How a URL is fetched, redirects included: without `allowsHttp` every step is https. */
export type Fetch = (url: string, init: FetchInit) => Promise<Fetched>;

export interface LoadOptions {
  readonly fetch: Fetch;
  /** Over http: whoever changes the answer on its way can let themselves in. Only where somebody asked for it. */
  readonly allowsHttp: boolean;
}

export interface SourceOptions extends LoadOptions {
  /** More than this is a fault. */
  readonly maxBytes: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export type LoadedSource =
  /** `name`: the source without what may be secret in it. */
  | { readonly kind: 'loaded'; readonly name: string; readonly bytes: Buffer }
  | {
      readonly kind: 'failed';
      readonly name: string;
      /** What is wrong, and the way out: the rest of a sentence that the source begins. */
      readonly fault: string;
      /** What the server answered, if it did. */
      readonly status: number | undefined;
      /** True if the next attempt may find it well: no answer, or a server with troubles of its own. */
      readonly isPassing: boolean;
    };

/** True for what is fetched and not read from a file. */
export function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source);
}

/** Reads a source. Never throws. */
export async function loadSource(source: string, options: SourceOptions): Promise<LoadedSource> {
  const name = nameOf(source);
  try {
    const bytes = isUrl(source)
      ? await fetchBytes(source, options)
      : await readBytes(source, options.maxBytes);
    return { kind: 'loaded', name, bytes };
  } catch (error) {
    const status = error instanceof SourceFault ? error.status : undefined;
    const isPassing = error instanceof SourceFault ? isTroubled(status) : isUrl(source);
    return { kind: 'failed', name, fault: faultFrom(error), status, isPassing };
  }
}

class SourceFault extends Error {
  readonly code = 'unusable_source';
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** 429: whoever asks too often may ask again. */
function isTroubled(status: number | undefined): boolean {
  return status !== undefined && (status >= 500 || status === 429);
}

async function readBytes(path: string, maxBytes: number): Promise<Buffer> {
  const { size } = await stat(path);
  if (size > maxBytes) throw tooBig(maxBytes);
  return readFile(path);
}

async function fetchBytes(url: string, options: SourceOptions): Promise<Buffer> {
  const { fetch, allowsHttp, headers = {}, maxBytes } = options;
  if (!allowsHttp && /^http:/i.test(url)) {
    throw new SourceFault(
      'not https, so whoever is on the way could add a key; use https://, or --allow-insecure-keys-url',
    );
  }
  const signal = AbortSignal.timeout(KEYS_FETCH_TIMEOUT_MS);
  const { status, contentType, body } = await fetch(url, { signal, allowsHttp, headers });
  const bytes = await bytesOf(body, { status, signal, maxBytes });
  const isPage =
    /\bhtml\b/i.test(contentType) || /^\s*<(!doctype|html)\b/i.test(bytes.toString('latin1', 0, 64));
  if (isPage) throw new SourceFault('the answer is a web page, not a list of public keys; check the URL');
  return bytes;
}

interface Bounds {
  readonly status: number;
  readonly signal: AbortSignal;
  readonly maxBytes: number;
}

async function bytesOf(body: Fetched['body'], { status, signal, maxBytes }: Bounds): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    // Leaving the loop by throwing cancels the body.
    for await (const chunk of body) {
      if (status < 200 || status > 299) break;
      size += chunk.length;
      if (size > maxBytes) throw tooBig(maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    // After a timeout the body only says that it was aborted; the signal's reason says why.
    throw signal.aborted ? signal.reason : error;
  }
  if (status < 200 || status > 299)
    throw new SourceFault(`the server answered ${status}; check the URL`, status);
  return Buffer.concat(chunks);
}

/** A URL without what may be secret in it: this goes to the job log. */
function nameOf(source: string): string {
  if (!/^https?:/i.test(source) || !URL.canParse(source)) return source;
  const { origin, pathname } = new URL(source);
  return `${origin}${pathname}`;
}

function tooBig(maxBytes: number): SourceFault {
  return new SourceFault(`more than ${maxBytes / 1_024} KiB; is this a list of public keys?`);
}

function faultFrom(error: unknown): string {
  if (error instanceof SourceFault) return error.message;
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${KEYS_FETCH_TIMEOUT_MS / 1_000} s`;
  if (error instanceof ProxyUnreachable)
    return `the proxy ${error.proxy}: ${unreachableWords(error.errno) ?? error.errno}`;
  if ('code' in error && error.code === 'ENOENT') return 'no such file; give a path or an https:// URL';
  if ('code' in error && error.code === 'EISDIR') return 'is a directory; give a file';
  if ('code' in error && error.code === 'ENOTFOUND')
    return 'no host has this name, as seen from here; behind a proxy set HTTPS_PROXY';
  if ('code' in error && error.code === 'ECONNREFUSED') return 'the host refuses the connection';
  const words = 'code' in error ? unreachableWords(String(error.code)) : undefined;
  return words ?? error.message;
}
