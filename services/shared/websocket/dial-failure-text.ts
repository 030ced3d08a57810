// The text of a dial failure: why no WebSocket was opened, in one line for a person. These words stand nowhere else.
import { isUnknownAuthority } from '#shared/machine/certificates.ts';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import { spreadWait } from '#shared/protocol/retry-after.ts';
import { shown } from '#shared/text/untrusted.ts';
import type { FailedDial } from './dial-outcome.ts';

/** Of the message of a refusal, in characters: it names the rules that were tried, and what did not match. */
export const MAX_SHOWN_REFUSAL_LENGTH = 2_000;

/** What was dialled: a relay, through a proxy or not. */
export interface DialledVia {
  /** ws: or wss:. */
  readonly relay: URL;
  readonly proxy: URL | undefined;
}

export type DialFailure =
  /** The relay said no. `waitMs`: it asks not to be asked before, in milliseconds. */
  | {
      readonly kind: 'refusal';
      readonly code: RefusalCode;
      readonly message: string;
      readonly waitMs?: number;
    }
  /** Something answered that is not a relay: an ingress, a proxy, another server; it may ask for a wait, too. */
  | {
      readonly kind: 'stranger';
      readonly status: number;
      readonly message: string;
      readonly passes: boolean;
      readonly waitMs?: number;
    }
  /** Nothing answered. `passes`: it may on its own, so that another attempt makes sense. */
  | { readonly kind: 'silence'; readonly message: string; readonly passes: boolean };

type Unreachable = Extract<FailedDial, { kind: 'unreachable' }>;

/** Where it went wrong (TLS is with the relay, also behind a proxy), in which words, and whether it passes. */
interface Cause {
  readonly at: 'first_hop' | 'relay';
  readonly words: string;
  readonly passes: boolean;
}

const NOT_TLS: Cause = {
  at: 'relay',
  words: 'it does not speak TLS on this port; use ws:// if it has none',
  passes: false,
};
const BROKEN: Cause = { at: 'first_hop', words: 'the connection broke before an answer', passes: true };

/** By the system's word, or that of OpenSSL. */
const CAUSES: Readonly<Record<string, Cause>> = {
  ECONNREFUSED: { at: 'first_hop', words: 'connection refused', passes: true },
  ECONNRESET: BROKEN,
  EPIPE: BROKEN,
  ETIMEDOUT: { at: 'first_hop', words: 'no answer', passes: true },
  EHOSTUNREACH: { at: 'first_hop', words: 'no route to this host', passes: true },
  ENETUNREACH: { at: 'first_hop', words: 'no route to this host (is the network up?)', passes: true },
  EAI_AGAIN: {
    at: 'first_hop',
    words: 'the name cannot be looked up at the moment (is the network up?)',
    passes: true,
  },
  ENOTFOUND: { at: 'first_hop', words: 'no host has this name', passes: false },
  CERT_HAS_EXPIRED: { at: 'relay', words: 'its certificate has expired', passes: false },
  CERT_NOT_YET_VALID: {
    at: 'relay',
    words: 'its certificate is not valid yet (is the clock right?)',
    passes: false,
  },
  EPROTO: NOT_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NOT_TLS,
};

const UNKNOWN_AUTHORITY: Cause = {
  at: 'relay',
  words:
    'its certificate is not by an authority that this machine knows; if it is your own, name its file in NODE_EXTRA_CA_CERTS',
  passes: false,
};

/** Answers of something in front of a relay that is not ready yet: an ingress without a backend, a balancer. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([404, 429, 502, 503, 504]);
const PROXY_WANTS_PASSWORD = 407;

/** A relay that refuses with these is full itself; after any other refusal the next question may reach another pod. */
const FULL: ReadonlySet<RefusalCode> = new Set(['rate_limited', 'overloaded']);

/** What it means that a dial opened nothing. */
export function dialFailureFrom(outcome: FailedDial, via: DialledVia): DialFailure {
  if (outcome.kind === 'unreachable') {
    const { at, words, passes } = causeOf(outcome);
    const who = at === 'relay' ? certifiedOf(via) : firstHopOf(via);
    return { kind: 'silence', message: `${who}: ${words}`, passes };
  }
  const { status, refusal, retryAfterMs } = outcome;
  if (refusal === undefined) {
    const message = status === PROXY_WANTS_PASSWORD ? passwordWanted(via) : strangerAnswered(status, via);
    const passes = PASSING_STATUSES.has(status);
    return { kind: 'stranger', status, message, passes, ...waitFrom(retryAfterMs) };
  }
  const { code } = refusal;
  const wait = FULL.has(code) ? waitFrom(retryAfterMs) : {};
  const verb = wait.waitMs === undefined ? 'refused' : `asks to wait ${Math.ceil(wait.waitMs / 1_000)} s`;
  return {
    kind: 'refusal',
    code,
    message: `${via.relay.host} ${verb}: ${refusal.message.printable(MAX_SHOWN_REFUSAL_LENGTH)} (${code})`,
    ...wait,
  };
}

/** Why nobody could be reached, by the system's word; undefined for one that says something else. */
export function unreachableWords(errno: string): string | undefined {
  const cause = CAUSES[errno];
  return cause?.at === 'first_hop' ? cause.words : undefined;
}

/** How long to wait because of a failure, in milliseconds: 0 where nobody asked for it. */
export function waitFor(failure: { readonly waitMs?: number }, random: () => number): number {
  return failure.waitMs === undefined ? 0 : spreadWait(failure.waitMs, random);
}

function waitFrom(waitMs: number | undefined): { readonly waitMs?: number } {
  return waitMs === undefined ? {} : { waitMs };
}

/** `HOST:PORT`, the port also where it is the usual one. */
export function hostAndPort(url: URL): string {
  const isSecure = url.protocol === 'wss:' || url.protocol === 'https:';
  return `${url.hostname}:${url.port === '' ? (isSecure ? '443' : '80') : url.port}`;
}

function causeOf({ code, detail }: Unreachable): Cause {
  if (isUnknownAuthority(code)) return UNKNOWN_AUTHORITY;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const words = `its certificate is for another host (${shown(detail)})`;
    return { at: 'relay', words, passes: false };
  }
  return CAUSES[code] ?? { at: 'first_hop', words: shown(detail), passes: code === 'TIMEOUT' };
}

function firstHopOf({ relay, proxy }: DialledVia): string {
  return proxy === undefined ? `relay ${hostAndPort(relay)}` : `proxy ${hostAndPort(proxy)}`;
}

/** Who shows a certificate: the relay, and before it a proxy that is reached over TLS. */
function certifiedOf({ relay, proxy }: DialledVia): string {
  const who = `relay ${hostAndPort(relay)}`;
  return proxy?.protocol === 'https:' ? `${who}, or proxy ${hostAndPort(proxy)} before it` : who;
}

function passwordWanted({ relay, proxy }: DialledVia): string {
  const who = proxy === undefined ? `a proxy before ${relay.host}` : `proxy ${hostAndPort(proxy)}`;
  const variable = relay.protocol === 'wss:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  return proxy !== undefined && proxy.username !== ''
    ? `${who} does not accept the user name and password in ${variable} (407)`
    : `${who} wants a user name and password (407): ${variable}=http://USER:PASSWORD@HOST:PORT`;
}

function strangerAnswered(status: number, via: DialledVia): string {
  const { relay, proxy } = via;
  // Over a proxy nobody can know who answered: its own answer looks the same.
  const who = proxy === undefined ? relay.host : `proxy ${hostAndPort(proxy)}, or ${relay.host} behind it,`;
  return `${who} answered ${status}, but not as a relay: ${hintFor(status, relay)}`;
}

function hintFor(status: number, relay: URL): string {
  if (status >= 300 && status < 400 && relay.protocol === 'ws:') return 'it redirects; use wss://';
  if (status >= 500) return 'it does not reach one at the moment';
  if (status === 401 || status === 403) return 'it does not let this connection pass';
  return `check the host and the path ${relay.pathname} of the URL`;
}
