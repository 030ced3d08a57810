// Keepalive: pings a WebSocket so that balancers keep it, and finds out when the peer is gone.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Cancel, Clock } from '#shared/clock.ts';

/** Below the 60 s after which load balancers cut what is idle, with room for one lost ping. */
export const PING_EVERY_MS = 15_000;

/** A peer that is silent for this long after a ping is gone: seen after 25 s at worst. */
export const PONG_WITHIN_MS = 10_000;

export interface KeepaliveOptions {
  readonly clock: Clock;
  /**
   * Counts the times that traffic was held up, in either direction; `held` while it is.
   * A ping then waits behind data, or its answer is not read: silence proves nothing.
   */
  readonly stalls: () => { readonly count: number; readonly held: boolean };
  /** The peer did not answer. Called at most once. */
  readonly onDead: () => void;
}

/** Pings `socket` until stopped. Any byte from the peer counts as an answer. */
export function startKeepalive(socket: WebSocket, transport: Socket, options: KeepaliveOptions): Cancel {
  const { clock, stalls, onDead } = options;
  let cancel = clock.after(PING_EVERY_MS, ping);

  function ping(): void {
    const bytesRead = transport.bytesRead;
    const before = stalls().count;
    if (socket.readyState === socket.OPEN) socket.ping();
    cancel = clock.after(PONG_WITHIN_MS, () => {
      const { count, held } = stalls();
      if (transport.bytesRead === bytesRead && !held && count === before) onDead();
      else cancel = clock.after(PING_EVERY_MS - PONG_WITHIN_MS, ping);
    });
  }

  return () => {
    cancel();
  };
}
