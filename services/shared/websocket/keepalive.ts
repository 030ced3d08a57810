// Keepalive: pings a control link so that balancers keep it, and finds out when the peer is gone.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Cancel, Clock } from '#shared/time/clock.ts';

/** Below the 60 s after which load balancers cut what is idle, with room for one lost ping. */
export const PING_EVERY_MS = 15_000;

/** A peer that is silent for this long after a ping is gone: seen after 25 s at worst. */
export const PONG_WITHIN_MS = 10_000;

/** A peer that does not take the last bytes and close within this time is cut. */
export const CLOSE_WITHIN_MS = 10_000;

/**
 * What every WebSocket of ws is opened with: no compression, since what travels is short or does not compress, and the
 * close time also for a close that the peer began or provoked and does not finish (ws waits 30 s by itself).
 */
export const SOCKET_OPTIONS = { perMessageDeflate: false, closeTimeout: CLOSE_WITHIN_MS } as const;

export interface KeepaliveOptions {
  readonly clock: Clock;
  /** The peer did not answer. Called at most once. */
  readonly onDead: () => void;
}

/** Pings `socket` until stopped. Any byte from the peer counts as an answer. */
export function startKeepalive(socket: WebSocket, transport: Socket, options: KeepaliveOptions): Cancel {
  const { clock, onDead } = options;
  let cancel = clock.after(PING_EVERY_MS, ping);

  function ping(): void {
    const bytesRead = transport.bytesRead;
    if (socket.readyState === socket.OPEN) socket.ping();
    cancel = clock.after(PONG_WITHIN_MS, () => {
      if (transport.bytesRead === bytesRead) onDead();
      else cancel = clock.after(PING_EVERY_MS - PONG_WITHIN_MS, ping);
    });
  }

  return () => {
    cancel();
  };
}
