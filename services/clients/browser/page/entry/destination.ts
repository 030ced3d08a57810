// The destination: which job a link leads to, through which relay, and the key that must answer there.
import { DEFAULT_USER, isUserName } from '#shared/commands/printed-commands.ts';
import { ID_RULE, isValidId } from '#shared/protocol/paths.ts';
import { isPin } from '../../connection/job-url.ts';

export interface Destination {
  /** `wss://HOST/client/ID`, below the prefix of the relay. */
  readonly clientUrl: string;
  /** `https://HOST/terminal/ID`, where the relay is asked other things. */
  readonly terminalUrl: string;
  readonly host: string;
  readonly id: string;
  /** `SHA256:…`; undefined: the person is asked. */
  readonly pin: string | undefined;
  readonly user: string;
  /** A password that was in the link. */
  readonly secret: string | undefined;
}

export type DestinationResult =
  | { readonly kind: 'destination'; readonly destination: Destination }
  /** The address names no job: it is to be asked for. */
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid'; readonly sentence: string };

/** What stands behind `#` where the page lies elsewhere. */
const CLIENT_URL_START = /^(?:wss?|https?):\/\//;

/**
 * Of the page's own address: `https://HOST/terminal/ID#SHA256:…&user=…`, or, where the page lies elsewhere, any address with
 * the client URL as the log of the job prints it behind `#`.
 */
export function destinationFromAddress(href: string): DestinationResult {
  const url = new URL(href);
  const fragment = url.hash.slice(1);
  if (CLIENT_URL_START.test(fragment)) return destinationFromText(fragment);
  if (!/\/terminal\/[^/]+$/.test(url.pathname) || url.protocol === 'file:') return { kind: 'none' };
  return destinationFromText(href);
}

/** Of what somebody pastes: a client URL or a link. */
export function destinationFromText(text: string): DestinationResult {
  const url = URL.parse(text.trim().replaceAll(/^["']|["']$/g, ''));
  if (url === null || !/^(?:wss?|https?):$/.test(url.protocol))
    return invalid('that is no address of a job: it looks like wss://HOST/client/ID#SHA256:…');
  const [, prefix = '', id = ''] = /^(.*)\/(?:client|terminal)\/([^/]*)$/.exec(url.pathname) ?? [];
  if (!isValidId(id)) return invalid(`the address names no job: an ID is ${ID_RULE}`);
  // Split first: what one part has escaped stays in that part.
  const [pin = '', ...rest] = url.hash.slice(1).split('&').map(decodeURIComponentSafely);
  if (pin !== '' && !isPin(pin))
    return invalid('the link is damaged: after # there should be SHA256: and 43 characters, copy it again');
  const fields = new Map(rest.map((part) => splitOnce(part)));
  const user = fields.get('user') ?? DEFAULT_USER;
  if (!isUserName(user)) return invalid('the link is damaged: its user is none');
  const isSecure = /^(?:wss|https):$/.test(url.protocol);
  const base = `${url.host}${prefix}`;
  return {
    kind: 'destination',
    destination: {
      clientUrl: `${isSecure ? 'wss' : 'ws'}://${base}/client/${id}`,
      terminalUrl: `${isSecure ? 'https' : 'http'}://${base}/terminal/${id}`,
      host: url.host,
      id,
      pin: pin === '' ? undefined : pin,
      user,
      secret: fields.get('secret'),
    },
  };
}

/** What may stand in an address and in the history: all but the secret. */
export function fragmentOf({ pin, user }: Destination): string {
  if (pin === undefined) return '';
  return `#${pin}${user === DEFAULT_USER ? '' : `&user=${user}`}`;
}

/**
 * What may stay behind `#` in the address of the page at `href`, once it was read as `found`: all of it that leads to the job,
 * and nothing else. Where it leads to none, nothing: a damaged link may hold a secret at any place.
 */
export function addressFragment(href: string, found: DestinationResult): string {
  if (found.kind !== 'destination') return '';
  const { destination } = found;
  const isOwn = !CLIENT_URL_START.test(new URL(href).hash.slice(1));
  return isOwn ? fragmentOf(destination) : `#${destination.clientUrl}${fragmentOf(destination)}`;
}

function invalid(sentence: string): DestinationResult {
  return { kind: 'invalid', sentence };
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf('=');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** Mail programs and chats escape what they take for unsafe. */
function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
