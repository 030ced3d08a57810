// Failures: what a dial that led nowhere means, in one line for a person, and whether trying again makes sense.
import { isUnknownAuthority } from '#shared/certificates.ts';
import { REFUSALS } from '#shared/protocol/refusals.ts';
import type { DialOutcome } from '#shared/stream/dial.ts';
import type { ClientUrl } from './client-url.ts';

/** A failure, by who said no: the relay (`refused`), or nobody, because there was no relay (`unreachable`). */
export interface Failure {
  readonly kind: 'refused' | 'unreachable';
  readonly message: string;
  /** `agent`: it may come; `relay`: it may come back; `never`: the same question gets the same answer. */
  readonly retry: 'agent' | 'relay' | 'never';
}

/** How a dial was made, for the message. */
export interface Route {
  readonly target: ClientUrl;
  readonly proxy: URL | undefined;
}

type Refused = Extract<DialOutcome, { kind: 'refused' }>;
type Unreachable = Extract<DialOutcome, { kind: 'unreachable' }>;

/** A relay's message is text from elsewhere: one line, and not more than a terminal shows well. */
const MAX_FOREIGN_TEXT_LENGTH = 300;

/** Answers of something in front of a relay that is not ready yet: an ingress without a backend, a balancer. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([404, 429, 502, 503, 504]);

/** Ways to reach nothing that pass by themselves. */
const PASSING_CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection broke before an answer',
  EPIPE: 'the connection broke before an answer',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'no route to this host',
  ENETUNREACH: 'no route to this host; is the network up?',
  EAI_AGAIN: 'the name cannot be looked up at the moment; is the network up?',
};

const LASTING_CODES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no host has this name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; is the clock right?',
  EPROTO: 'it does not speak TLS on this port; use ws:// if it has none',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port; use ws:// if it has none',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS on this port; use ws:// if it has none',
};

/** What an answer over HTTP, instead of the upgrade, means. */
export function failureOfAnswer(answer: Refused, route: Route): Failure {
  const { status, refusal } = answer;
  const { target } = route;
  if (refusal?.code === 'agent_not_found') {
    const message = `no agent \`${target.id}\` at ${target.url.host}: it may have ended, or not started yet; --wait 5m waits for it`;
    return { kind: 'refused', message, retry: 'agent' };
  }
  if (refusal !== undefined) {
    const message = `${target.url.host} refused: ${printable(refusal.message)} (${refusal.code})`;
    return { kind: 'refused', message, retry: REFUSALS[refusal.code].retry ? 'agent' : 'never' };
  }
  if (status === 407) return proxyWantsPassword(route);
  const message = `${speakerOf(route)} answered ${status}, but not as a relay: ${hintFor(status, target)}`;
  const retry = PASSING_STATUSES.has(status) ? 'relay' : 'never';
  return { kind: status >= 400 && status < 500 ? 'refused' : 'unreachable', message, retry };
}

/** What it means that nothing answered. */
export function failureOfSilence(silence: Unreachable, route: Route): Failure {
  const { code, detail } = silence;
  const passing = PASSING_CODES[code] ?? (code === 'TIMEOUT' ? detail : undefined);
  if (passing !== undefined) return unreachable(`${firstHopOf(route)}: ${passing}`, 'relay');
  if (isUnknownAuthority(code)) {
    const way = 'if it is your own, name its file in NODE_EXTRA_CA_CERTS';
    return unreachable(
      `relay ${hostAndPort(route.target.url)}: its certificate is not by an authority that this machine knows; ${way}`,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return unreachable(
      `relay ${hostAndPort(route.target.url)}: its certificate is for another host (${printable(detail)})`,
    );
  }
  return unreachable(`${firstHopOf(route)}: ${LASTING_CODES[code] ?? printable(detail)}`);
}

/** `HOST:PORT`, the port also where it is the usual one. */
export function hostAndPort(url: URL): string {
  const isSecure = url.protocol === 'wss:' || url.protocol === 'https:';
  return `${url.hostname}:${url.port === '' ? (isSecure ? '443' : '80') : url.port}`;
}

function unreachable(message: string, retry: Failure['retry'] = 'never'): Failure {
  return { kind: 'unreachable', message, retry };
}

function proxyWantsPassword({ target, proxy }: Route): Failure {
  const who = proxy === undefined ? `a proxy before ${target.url.host}` : `proxy ${hostAndPort(proxy)}`;
  const variable = target.url.protocol === 'wss:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  return proxy !== undefined && proxy.username !== ''
    ? unreachable(`${who} does not accept the user name and password in ${variable} (407)`)
    : unreachable(`${who} wants a user name and password (407): ${variable}=http://USER:PASSWORD@HOST:PORT`);
}

/** Over a proxy it cannot be told who answered: its own answer looks the same. */
function speakerOf({ target, proxy }: Route): string {
  return proxy === undefined
    ? target.url.host
    : `proxy ${hostAndPort(proxy)}, or ${target.url.host} behind it,`;
}

function firstHopOf({ target, proxy }: Route): string {
  return proxy === undefined ? `relay ${hostAndPort(target.url)}` : `proxy ${hostAndPort(proxy)}`;
}

function hintFor(status: number, target: ClientUrl): string {
  if (status >= 300 && status < 400 && target.url.protocol === 'ws:') return 'it redirects; use wss://';
  if (status >= 500) return 'it does not reach one at the moment';
  if (status === 401 || status === 403) return 'it does not let this connection pass';
  return `check the host and the path ${target.url.pathname} of the URL`;
}

/** Text from elsewhere as one line of bounded length, without control characters. */
export function printable(text: string): string {
  const line = text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
  return line.length > MAX_FOREIGN_TEXT_LENGTH ? `${line.slice(0, MAX_FOREIGN_TEXT_LENGTH)}…` : line;
}
