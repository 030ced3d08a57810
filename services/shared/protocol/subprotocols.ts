// WebSocket subprotocols (RFC 6455 section 1.9): what a link carries, and in which version.

/** The control link of an agent: JSON text messages (control-messages.ts). */
export const AGENT_CONTROL = 'converge.agent.v1';
/** A stream of bytes in binary messages, whose boundaries mean nothing. */
export const STREAM = 'converge.stream.v1';
/** The same stream, by a client that speaks the resumable stream inside it; relays only label the session. */
export const RESUME = 'converge.resume.v1';

/** What the value of `Sec-WebSocket-Protocol` offers, in order. */
export function parseSubprotocols(header: string | undefined): string[] {
  if (header === undefined) return [];
  return header
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
