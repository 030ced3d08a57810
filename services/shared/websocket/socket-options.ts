// The options of every WebSocket of ws, at both ends.
import { CLOSE_WITHIN_MS } from './keepalive.ts';

/**
 * No compression, since what travels is short or does not compress; and the close time also for a close that the peer
 * began or provoked and does not finish (ws waits 30 s by default).
 */
export const SOCKET_OPTIONS = { perMessageDeflate: false, closeTimeout: CLOSE_WITHIN_MS } as const;
