// Single sign-on on the wire: what a client program, a browser and a relay say to each other until a person has signed on.
//
// Flow of a client program (RFC 8628; all bodies are JSON objects, refusals are those of refusals.ts):
//   client -> relay   POST device    {}
//   relay -> client   200            DeviceSignOn: the person opens a page of the provider and types a code
//   client -> relay   POST token     {handle}, now and then
//   relay -> client   200            {pending: true}, or SignedOn
//   client -> relay   POST refresh   {refresh}, when the token is about to expire
//   relay -> client   200            SignedOn
// `sso_refused` says that the person or the provider said no, `sso_expired` that it took too long; after either of a refresh the
// person signs on anew. `issuer_unavailable` and `rate_limited` pass. `not_found`: this relay has no single sign-on.
// The paths lie beside `/client/ID`: below the same prefix, where the relay has one.
import { type JsonRecord, parseRecord } from '#shared/text/json-record.ts';
import { MAX_IDENTITY_CHARACTERS } from './identity.ts';
import { isPrivateUrl } from './loopback.ts';

export const SIGN_ON_PATHS = {
  /** A browser begins here. */
  browser: '/sign-on',
  callback: '/sign-on/callback',
  device: '/sign-on/device',
  token: '/sign-on/token',
  refresh: '/sign-on/refresh',
} as const;

/** The cookie of a browser that has signed on. Its value is `SignedOn.token`. */
export const SIGN_ON_COOKIE = 'converge-sso';

/** More than this of a body is not read, in bytes, by either side. */
export const MAX_SIGN_ON_BODY_BYTES = 32_768;

/** The longest token: with its kind before it, it fits the header of an identity. In characters. */
export const MAX_SIGN_ON_TOKEN_CHARACTERS = MAX_IDENTITY_CHARACTERS - 'sso '.length;

/** The longest handle and the longest refresh token, in characters: what a provider made is sealed in them. */
export const MAX_SIGN_ON_SECRET_CHARACTERS = 12_288;

/** The longest page address, in characters. */
export const MAX_VERIFICATION_URI_CHARACTERS = 2_048;

/** The longest code that a person types, in characters. */
export const MAX_USER_CODE_CHARACTERS = 64;

/** No answer means a longer time than this, in seconds. */
const MAX_BELIEVED_SECONDS = 86_400;

/** A sign-on that has begun. */
export interface DeviceSignOn {
  /** The provider's page: https, or http of the same machine. */
  readonly verificationUri: string;
  /** The same with the code in it, so that nobody has to type it. */
  readonly verificationUriComplete?: string;
  readonly userCode: string;
  /** What the client asks with later. Opaque, printable ASCII without spaces. */
  readonly handle: string;
  /** The client waits this long before every question. */
  readonly intervalSeconds: number;
  readonly expiresSeconds: number;
}

/** Somebody has signed on. */
export interface SignedOn {
  /** For the header of an identity: `sso TOKEN`. */
  readonly token: string;
  /** For another token later; empty where the provider gives none. */
  readonly refresh: string;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** What became of a sign-on so far. */
export type SignOnProgress =
  /** The person has not answered yet. `slowDown`: ask less often from now on, by 5 s (RFC 8628 section 3.5). */
  | { readonly kind: 'pending'; readonly slowDown: boolean }
  | { readonly kind: 'signed_on'; readonly signedOn: SignedOn };

/** The body that asks for a token. */
export interface TokenQuestion {
  readonly handle: string;
}

/** The body that asks for another token. */
export interface RefreshQuestion {
  readonly refresh: string;
}

/** Reads the answer of a relay; undefined if it is none. Never throws. */
export function parseDeviceSignOn(body: string): DeviceSignOn | undefined {
  const record = parseRecord(body);
  if (record === undefined) return undefined;
  const verificationUri = pageFrom(record['verificationUri']);
  const userCode = userCodeFrom(record['userCode']);
  const handle = secretFrom(record, 'handle', MAX_SIGN_ON_SECRET_CHARACTERS);
  const intervalSeconds = secondsFrom(record['intervalSeconds']);
  const expiresSeconds = secondsFrom(record['expiresSeconds']);
  if (verificationUri === undefined || userCode === undefined || handle === undefined) return undefined;
  if (intervalSeconds === undefined || expiresSeconds === undefined) return undefined;
  const complete = pageFrom(record['verificationUriComplete']);
  const both = complete === undefined ? {} : { verificationUriComplete: complete };
  return { verificationUri, ...both, userCode, handle, intervalSeconds, expiresSeconds };
}

/** Reads the answer of a relay to `token` or `refresh`; undefined if it is none. Never throws. */
export function parseSignOnProgress(body: string): SignOnProgress | undefined {
  const record = parseRecord(body);
  if (record === undefined) return undefined;
  if (record['pending'] === true) return { kind: 'pending', slowDown: record['slowDown'] === true };
  const token = secretFrom(record, 'token', MAX_SIGN_ON_TOKEN_CHARACTERS);
  const refresh =
    record['refresh'] === '' ? '' : secretFrom(record, 'refresh', MAX_SIGN_ON_SECRET_CHARACTERS);
  const { expiresAt } = record;
  if (token === undefined || refresh === undefined || !isCount(expiresAt)) return undefined;
  return { kind: 'signed_on', signedOn: { token, refresh, expiresAt } };
}

/** Reads the question of a client; undefined if it is none. Never throws. */
export function parseTokenQuestion(body: string): TokenQuestion | undefined {
  const handle = secretFrom(parseRecord(body) ?? {}, 'handle', MAX_SIGN_ON_SECRET_CHARACTERS);
  return handle === undefined ? undefined : { handle };
}

/** Reads the question of a client; undefined if it is none. Never throws. */
export function parseRefreshQuestion(body: string): RefreshQuestion | undefined {
  const refresh = secretFrom(parseRecord(body) ?? {}, 'refresh', MAX_SIGN_ON_SECRET_CHARACTERS);
  return refresh === undefined ? undefined : { refresh };
}

/** The body of an answer. */
export function formatDeviceSignOn(signOn: DeviceSignOn): string {
  return JSON.stringify(signOn);
}

/** The body of an answer to `token` or `refresh`. */
export function formatSignOnProgress(progress: SignOnProgress): string {
  if (progress.kind === 'signed_on') return JSON.stringify(progress.signedOn);
  return JSON.stringify({ pending: true, ...(progress.slowDown ? { slowDown: true } : {}) });
}

/** Where to ask: beside `/client/ID` of `clientUrl`, over http(s). */
export function signOnUrl(clientUrl: URL, path: keyof typeof SIGN_ON_PATHS): URL {
  const url = new URL(clientUrl.href.replace(/^ws/, 'http'));
  url.pathname = `${url.pathname.replace(/\/client\/[^/]*$/, '')}${SIGN_ON_PATHS[path]}`;
  url.search = '';
  url.hash = '';
  return url;
}

/** As it may be printed: ASCII, nothing unseen, no user name that looks like a host. */
function pageFrom(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_VERIFICATION_URI_CHARACTERS) return undefined;
  if (!/^https?:\/\/[!-~]+$/.test(value) || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  if (url.username !== '' || url.password !== '') return undefined;
  return isPrivateUrl(url) ? value : undefined;
}

/** Printable ASCII; spaces only inside it. */
function userCodeFrom(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_USER_CODE_CHARACTERS) return undefined;
  return /^[!-~]+( [!-~]+)*$/.test(value) ? value : undefined;
}

function secretFrom(record: JsonRecord, name: string, maxCharacters: number): string | undefined {
  const value = record[name];
  return typeof value === 'string' && value.length <= maxCharacters && /^[!-~]+$/.test(value)
    ? value
    : undefined;
}

function secondsFrom(value: unknown): number | undefined {
  return isCount(value) && value > 0 && value <= MAX_BELIEVED_SECONDS ? value : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
