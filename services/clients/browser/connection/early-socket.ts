// The early socket: the first WebSocket of a visit, opened before the rest of the page's script has run.
import { RESUME, STREAM } from '#shared/protocol/subprotocols.ts';

/** What a page offers a relay: a stream that outlives its transports, or a plain one. */
const PROTOCOLS = [RESUME, STREAM];

let early: WebSocket | undefined;

/** Opens one; nothing is said on it before it is taken. At most once. */
export function dialEarly(url: string): void {
  early ??= openClientSocket(url);
}

/**
 * The early one, if it is for this URL and nobody has taken it; else another. It may be open by now, or have failed. Undefined
 * where the browser lets this page open none: one without TLS from a page over https, say.
 */
export function takeClientSocket(url: string): WebSocket | undefined {
  const socket = early;
  if (socket?.url !== url) return openClientSocket(url);
  early = undefined;
  return socket;
}

function openClientSocket(url: string): WebSocket | undefined {
  try {
    return new WebSocket(url, PROTOCOLS);
  } catch {
    return undefined;
  }
}
