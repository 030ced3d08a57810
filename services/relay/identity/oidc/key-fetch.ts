// The fetch of an issuer's keys: its discovery document, and the key set that this names (OpenID Connect Discovery 1.0).
import type { IncomingHttpHeaders } from 'node:http';
import { isPrivateUrl } from '#shared/protocol/loopback.ts';
import { parseJson, parseRecord } from '#shared/text/json-record.ts';
import type { FailedFetch, IssuerGet } from './issuer-get.ts';
import { discoveryUrlOf } from './issuer-url.ts';
import { KeySet } from './key-set.ts';

/** How long keys count as fresh, in milliseconds: what the issuer says of its answer (Cache-Control), within these bounds. */
export const MIN_KEYS_FRESH_MS = 5 * 60_000;
export const MAX_KEYS_FRESH_MS = 24 * 3_600_000;

/** Where the issuer says nothing, in milliseconds. */
export const KEYS_FRESH_MS = 3_600_000;

export type KeyFetch =
  | { readonly kind: 'fetched'; readonly keys: KeySet; readonly freshMs: number }
  | FailedFetch;

/** Never rejects. */
export async function fetchKeys(issuer: string, get: IssuerGet, signal: AbortSignal): Promise<KeyFetch> {
  const discoveryUrl = discoveryUrlOf(issuer);
  if (discoveryUrl === undefined) return malformed(`${issuer} is no https URL`);
  const found = await get(discoveryUrl, signal);
  if (found.kind === 'failed') return found;
  const discovery = discoveryUrl.href;
  const document = parseRecord(found.body);
  if (document === undefined) return malformed(`${discovery} is no JSON object`);
  const { issuer: named, jwks_uri: where } = document;
  if (named !== issuer) return malformed(`${discovery} is of the issuer ${JSON.stringify(named)}`);
  const url = typeof where === 'string' ? URL.parse(where) : null;
  // It may be another host, as Google's is: whoever answers for the issuer says who signs for it.
  if (url === null || !isPrivateUrl(url) || isDowngrade(issuer, url))
    return malformed(`${discovery} has no https URL of keys (jwks_uri)`);
  const answer = await get(url, signal);
  if (answer.kind === 'failed') return answer;
  const keys = KeySet.from(parseJson(answer.body));
  return keys === undefined
    ? malformed(`${url.href} has no key set with usable keys, or one with too many`)
    : { kind: 'fetched', keys, freshMs: freshMsOf(answer.headers) };
}

/** Nothing of the internet makes a relay ask what listens on its own machine. */
function isDowngrade(issuer: string, url: URL): boolean {
  return url.protocol === 'http:' && new URL(issuer).origin !== url.origin;
}

/** RFC 9111 sections 4.2.1 and 5.1: `max-age`, less the age that the answer has already. */
function freshMsOf(headers: IncomingHttpHeaders): number {
  const control = headers['cache-control']?.toLowerCase() ?? '';
  if (/\bno-(?:store|cache)\b/.test(control)) return MIN_KEYS_FRESH_MS;
  const [, seconds] = /\bmax-age="?(\d{1,9})\b/.exec(control) ?? [];
  if (seconds === undefined) return KEYS_FRESH_MS;
  const age = /^\d{1,9}$/.test(headers.age ?? '') ? Number(headers.age) : 0;
  return Math.min(MAX_KEYS_FRESH_MS, Math.max(MIN_KEYS_FRESH_MS, (Number(seconds) - age) * 1_000));
}

function malformed(detail: string): FailedFetch {
  return { kind: 'failed', fault: 'malformed', detail };
}
