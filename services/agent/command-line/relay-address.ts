// The relay's address as people give it: ws[s]://HOST[:PORT][/prefix]/agent[/ID].
import { ID_RULE, isValidId, lastSegmentOf } from '#shared/protocol/paths.ts';
import { webSocketScheme } from '#shared/protocol/scheme.ts';

export interface RelayAddress {
  /** ws(s)://HOST[:PORT][/prefix], without a trailing slash; the paths of the relay follow it. */
  readonly base: string;
  /** Undefined: the agent is to make one. */
  readonly id: string | undefined;
}

export type ParsedAddress =
  | { readonly kind: 'address'; readonly address: RelayAddress }
  /** `fault` names the value and the way out. */
  | { readonly kind: 'invalid'; readonly fault: string };

/** Reads the URL argument. Never throws. */
export function parseRelayAddress(text: string): ParsedAddress {
  if (!text.includes('://')) return invalid(`"${text}" has no scheme: write it like wss://HOST/agent`);
  if (!URL.canParse(text)) return invalid(`"${text}" is not a URL: write it like wss://HOST/agent`);
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    return invalid(`a user or password does not belong into the URL: write it like wss://${url.host}/agent`);
  }
  const scheme = webSocketScheme(url.protocol);
  if (scheme === undefined) return invalid(`"${text}" must start with wss:// or ws://`);
  if (url.search !== '' || text.includes('#')) {
    return invalid(`"${text}" must end with the ID: remove what follows from "?" or "#" on`);
  }
  return fromPath(`${scheme}//${url.host}`, url.pathname, text);
}

function fromPath(origin: string, pathname: string, text: string): ParsedAddress {
  const segments = pathname.replace(/\/+$/, '').split('/');
  // The last one that fits, so that an ID "agent" and a prefix "/agent" both work.
  const at = segments.at(-1) === 'agent' && segments.at(-2) !== 'agent' ? -1 : -2;
  if (segments.at(at) !== 'agent' || segments.length + at < 1) {
    return invalid(`"${text}" must end in /agent or /agent/ID: write it like ${origin}/agent`);
  }
  const base = `${origin}${segments.slice(0, at).join('/')}`;
  const id = at === -1 ? undefined : segments.at(-1);
  if (id !== undefined && !isValidId(id)) {
    return invalid(`"${lastSegmentOf(text.replace(/\/+$/, ''))}" is not an ID: it must be ${ID_RULE}`);
  }
  return { kind: 'address', address: { base, id } };
}

function invalid(fault: string): ParsedAddress {
  return { kind: 'invalid', fault };
}
