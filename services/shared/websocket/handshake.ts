// The opening handshake of a WebSocket (RFC 6455 section 4): what both ends of one must agree on.
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const WEBSOCKET_VERSION = '13';

/** Fixed by section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** 16 bytes in base64 (section 4.1). */
const KEY_PATTERN = /^[A-Za-z0-9+/]{22}==$/;

/** Whether a request is a well-formed handshake (section 4.2.1); what it offers and where it goes is not looked at. */
export function isHandshake({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === WEBSOCKET_VERSION &&
    KEY_PATTERN.test(headers['sec-websocket-key'] ?? '')
  );
}

/** `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`. */
export function acceptValueFor(key: string): string {
  return createHash('sha1').update(`${key}${GUID}`).digest('base64');
}

/** A fresh `Sec-WebSocket-Key`. */
export function newHandshakeKey(): string {
  return randomBytes(16).toString('base64');
}
