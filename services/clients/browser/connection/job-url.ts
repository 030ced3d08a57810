// The URL of a job as a page has it: where its relay takes clients, and perhaps the pin behind it.
import { isValidId } from '#shared/protocol/paths.ts';
import { webSocketScheme } from '#shared/protocol/scheme.ts';

export interface JobUrl {
  /** ws: or wss:, path `…/client/ID`, no query, no fragment: what may go to the relay. */
  readonly url: URL;
  readonly id: string;
  /** Stays here. */
  readonly pin: string | undefined;
}

/** What a pin looks like: 43 characters of base64, the last of which has two bits that are zero. */
const PIN = /^SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$/;

export function isPin(text: string): boolean {
  return PIN.test(text);
}

/** Undefined for anything else than a client URL, or with a fragment that is no pin. */
export function parseJobUrl(text: string): JobUrl | undefined {
  const url = URL.parse(text);
  const scheme = url === null ? undefined : webSocketScheme(url.protocol);
  if (
    url === null ||
    scheme === undefined ||
    url.username !== '' ||
    url.password !== '' ||
    url.search !== ''
  ) {
    return undefined;
  }
  const [, id = ''] = /\/client\/([^/]*)$/.exec(url.pathname) ?? [];
  const pin = url.hash === '' ? undefined : url.hash.slice(1).replace(/=$/, '');
  if (!isValidId(id) || (pin !== undefined && !isPin(pin))) return undefined;
  return { url: new URL(`${scheme}//${url.host}${url.pathname}`), id, pin };
}
