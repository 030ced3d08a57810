// The paths of a relay: the only place that parses or builds one.

/** RFC 3986 unreserved characters but `~`; it starts with a letter or digit, so that no ID is a dot segment or an option. */
const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** What an ID may be, in words for a person. */
export const ID_RULE = '1 to 128 of A-Z a-z 0-9 . _ -, starting with a letter or digit';

/** Tickets are base64url; the bound keeps a path short enough for any proxy. */
const TICKET_PATTERN = /^[A-Za-z0-9_-]{1,1024}$/;

/** The longest `?wait=` that a relay grants, in seconds; a longer one is cut to it. */
export const MAX_WAIT_SECONDS = 120;

/** What a WebSocket upgrade on the public listener asks for. */
export type PublicTarget =
  | { readonly kind: 'agent'; readonly id: string }
  | { readonly kind: 'agent_stream'; readonly id: string; readonly ticket: string }
  | { readonly kind: 'client'; readonly id: string; readonly waitSeconds: number }
  | { readonly kind: 'invalid_id'; readonly id: string }
  | { readonly kind: 'not_found' };

/** True if `text` is an ID (`ID_RULE`). */
export function isValidId(text: string): boolean {
  return ID_PATTERN.test(text);
}

/** True if `text` has the form of a ticket, and fits a path. */
export function isTicket(text: string): boolean {
  return TICKET_PATTERN.test(text);
}

/** Reads the request target (path and query) of an upgrade on the public listener. Never throws. */
export function parsePublicTarget(target: string): PublicTarget {
  const [path, query] = splitOnce(target, '?');
  const [root, kind, rawId, ...rest] = path.split('/');
  if (root !== '' || (kind !== 'agent' && kind !== 'client') || rawId === undefined)
    return { kind: 'not_found' };
  const [word, ticket, ...excess] = rest;
  const isStream = kind === 'agent' && word === 'stream' && ticket !== undefined && excess.length === 0;
  if (rest.length > 0 && !isStream) return { kind: 'not_found' };
  const id = decodeSegment(rawId);
  if (!isValidId(id)) return { kind: 'invalid_id', id };
  if (kind === 'client') return { kind: 'client', id, waitSeconds: waitSecondsFrom(query) };
  if (!isStream) return { kind: 'agent', id };
  return isTicket(ticket) ? { kind: 'agent_stream', id, ticket } : { kind: 'not_found' };
}

/** `/agent/ID`, the control link. */
export function agentPath(id: string): string {
  return `/agent/${id}`;
}

/** `/agent/ID/stream/TICKET`, one stream for one client. */
export function agentStreamPath(id: string, ticket: string): string {
  return `/agent/${id}/stream/${ticket}`;
}

/** `/client/ID`, the far end of a stream. */
export function clientPath(id: string): string {
  return `/client/${id}`;
}

/** `/terminal/ID`, a page that is a client of that agent. */
export function terminalPath(id: string): string {
  return `/terminal/${id}`;
}

/** `/terminal/ID/door`, where such a page asks why it was refused. */
export function terminalDoorPath(id: string): string {
  return `${terminalPath(id)}/door`;
}

/** Below it lies what such a page is made of; no ID has a slash. */
export const TERMINAL_ASSETS = '/terminal/assets/';

/** `/docs/NAME`, a program to download or a list of their checksums. */
export function downloadPath(name: string): string {
  return `/docs/${name}`;
}

function waitSecondsFrom(query: string): number {
  const text = new URLSearchParams(query).get('wait') ?? '';
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return Math.min(seconds, MAX_WAIT_SECONDS);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A broken percent escape: what stands there is not an ID either.
    return segment;
  }
}

/** What follows the last slash, as it was typed: a URL escapes spaces and more. For messages. */
export function lastSegmentOf(text: string): string {
  return text.slice(text.lastIndexOf('/') + 1);
}
