// The relay's door: why it refused this page's WebSocket. Browsers do not say, so the page asks.
import type { Destination } from './destination.ts';

export type DoorAnswer =
  /** A person who signs on there may come in: `signOnUrl`. */
  | { readonly kind: 'sign_on'; readonly signOnUrl: string; readonly sentence: string }
  | { readonly kind: 'refused'; readonly code: string; readonly sentence: string }
  /** The relay would let this page in, or says nothing that can be read. */
  | { readonly kind: 'nothing' };

/** A relay answers at once; longer means that it is not there. In milliseconds. */
const DOOR_TIMEOUT_MS = 5_000;

/** More of what a relay says is not shown, in characters. */
const MAX_SENTENCE_CHARACTERS = 300;

/** Asks. Never rejects. */
export async function askDoor({ terminalUrl }: Destination): Promise<DoorAnswer> {
  try {
    const answer = await fetch(`${terminalUrl}/door`, {
      method: 'POST',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(DOOR_TIMEOUT_MS),
    });
    return doorAnswerFrom(await answer.json(), terminalUrl);
  } catch {
    return { kind: 'nothing' };
  }
}

function doorAnswerFrom(body: unknown, terminalUrl: string): DoorAnswer {
  const { code, message, identity } = recordOf(body);
  if (typeof code !== 'string' || typeof message !== 'string' || code === 'open') return { kind: 'nothing' };
  const sentence = message.slice(0, MAX_SENTENCE_CHARACTERS);
  const { kinds } = recordOf(identity);
  const isPersonAsked = Array.isArray(kinds) && kinds.includes('sso');
  if (!isPersonAsked) return { kind: 'refused', code, sentence };
  const { origin, pathname } = new URL(terminalUrl);
  const prefix = pathname.replace(/\/terminal\/[^/]*$/, '');
  const signOnUrl = `${origin}${prefix}/sign-on?return=${encodeURIComponent(pathname)}`;
  return { kind: 'sign_on', signOnUrl, sentence };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
