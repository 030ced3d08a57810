// The opening handshake of a WebSocket (RFC 6455 section 4), as far as a stream of bytes needs it.
import { hash, randomBytes } from 'node:crypto';

export const WEBSOCKET_VERSION = '13';

/** Fixed by section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`. */
export function acceptValueFor(key: string): string {
  return hash('sha1', `${key}${GUID}`, 'base64');
}

/** A fresh `Sec-WebSocket-Key`. */
export function newHandshakeKey(): string {
  return randomBytes(16).toString('base64');
}
