// Tokens of issuers as they came: a JWT taken apart (RFC 7519, in the compact form of RFC 7515), nothing of it verified.
import { type JsonRecord, parseRecord } from '#shared/text/json-record.ts';

/** A longer token is not read, in characters. GitHub's have about 2,000. */
export const MAX_TOKEN_CHARACTERS = 8_000;

/** What a token says of itself before anybody has looked at its signature. */
export interface UnverifiedToken {
  readonly text: string;
  /** `alg` of the header: any value at all. */
  readonly algorithm: unknown;
  /** `kid` of the header. */
  readonly keyId: string | undefined;
  readonly claims: JsonRecord;
}

export type TokenReading =
  | { readonly kind: 'read'; readonly token: UnverifiedToken }
  /** `fault` reads on after "the token". */
  | { readonly kind: 'malformed'; readonly fault: string };

/** Never throws. */
export function readIssuerToken(text: string): TokenReading {
  if (text.length > MAX_TOKEN_CHARACTERS)
    return malformed(`is longer than ${MAX_TOKEN_CHARACTERS.toLocaleString('en')} characters`);
  const [head, payload, signature, ...rest] = text.split('.');
  if (head === undefined || payload === undefined || signature === undefined || rest.length > 0)
    return malformed('is no JWT: it has not three parts with dots between them');
  const header = parseRecord(decoded(head) ?? '');
  const claims = parseRecord(decoded(payload) ?? '');
  if (header === undefined || claims === undefined)
    return malformed('is no JWT: its first two parts are not JSON objects in base64url');
  // Also where it is empty, as with the algorithm `none`: that has its own answer.
  if (decoded(signature) === undefined) return malformed('has a signature that is not base64url');
  const { alg, kid } = header;
  if (kid !== undefined && typeof kid !== 'string') return malformed('has a key ID (kid) that is no text');
  return { kind: 'read', token: { text, algorithm: alg, keyId: kid, claims } };
}

/**
 * Only what an encoder would write: bits behind the last byte could otherwise be chosen freely, and one token would have
 * several forms.
 */
function decoded(part: string): string | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes.toString('utf8') : undefined;
}

function malformed(fault: string): TokenReading {
  return { kind: 'malformed', fault };
}
