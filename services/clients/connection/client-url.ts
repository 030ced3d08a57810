// The client URL: where an agent's clients connect, and, after `#`, which host key they expect there.
import { clientPath, ID_RULE, isValidId, lastSegmentOf } from '#shared/protocol/paths.ts';
import { webSocketScheme } from '#shared/protocol/scheme.ts';
import {
  FINGERPRINT_RULE,
  type Fingerprint,
  formatFingerprint,
  parseFingerprint,
} from '#shared/ssh/fingerprint-text.ts';

/** The form that every refusal names. */
const CLIENT_URL_FORM = 'ws[s]://HOST/client/ID[#SHA256:FINGERPRINT]';

export interface ClientUrl {
  /** ws: or wss:, path `…/client/ID`, no query, no fragment: what may go to the relay. */
  readonly url: URL;
  readonly id: string;
  /** Stays here: whoever could replace it could also replace the host. */
  readonly pinned: Fingerprint | undefined;
}

export type ParsedClientUrl =
  | { readonly kind: 'client_url'; readonly target: ClientUrl }
  | { readonly kind: 'invalid'; readonly message: string };

/** Reads a client URL: ws, wss, http or https, any prefix before `/client/ID`. The message names the value. Never throws. */
export function parseClientUrl(text: string): ParsedClientUrl {
  const hash = text.indexOf('#');
  const address = hash === -1 ? text : text.slice(0, hash);
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const scheme = url && webSocketScheme(url.protocol);
  if (url === undefined || scheme === undefined) {
    return invalid(`${quote(address)} is not a URL of a relay; expected ${CLIENT_URL_FORM}`);
  }
  if (url.username !== '' || url.password !== '') {
    return invalid(`a user name or password does not belong into the URL; expected ${CLIENT_URL_FORM}`);
  }
  if (url.search !== '' || address.endsWith('?')) {
    return invalid(`${quote(address)} has a query (after "?"); expected ${CLIENT_URL_FORM}`);
  }
  const parts = /^(.*)\/(client|agent)\/([^/]*)$/.exec(url.pathname);
  const [, prefix = '', role, id = ''] = parts ?? [];
  if (role === 'agent') {
    return invalid(
      `${quote(address)} is where the agent connects; clients use ${originOf(url, scheme)}${prefix}/client/ID`,
    );
  }
  if (role === undefined) {
    return invalid(`the path of ${quote(address)} is not /client/ID; expected ${CLIENT_URL_FORM}`);
  }
  if (!isValidId(id)) return invalid(`${quote(lastSegmentOf(address))} is not an ID: ${ID_RULE}`);
  const pinned = hash === -1 ? undefined : parseFingerprint(text.slice(hash + 1));
  if (hash !== -1 && pinned === undefined) {
    return invalid(
      `${quote(text.slice(hash))} is not a host key fingerprint; expected # and ${FINGERPRINT_RULE}`,
    );
  }
  const target = new URL(`${originOf(url, scheme)}${prefix}${clientPath(id)}`);
  return { kind: 'client_url', target: { url: target, id, pinned } };
}

/**
 * The URL as a word of a ProxyCommand, written anew: what was typed may hold line ends and backslashes that no URL has. Undefined
 * where its host or a path before `/client/` has what some shell acts on; a stranger may have made that URL up.
 */
export function commandWordOf({ url, pinned }: ClientUrl): string | undefined {
  if (!/^[A-Za-z0-9:/._~[\]%-]+$/.test(url.href)) return undefined;
  return pinned === undefined ? url.href : `${url.href}#${formatFingerprint(pinned)}`;
}

/** As it was typed: a URL escapes spaces and more. */
function originOf(url: URL, scheme: string): string {
  return `${scheme}//${url.host}`;
}

function invalid(message: string): ParsedClientUrl {
  return { kind: 'invalid', message };
}

function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
