// Keepalive: pings a peer so that balancers keep the connection, and finds out when the peer is gone.
import type { Cancel, Clock } from '#shared/time/clock.ts';

/** Below the 60 s after which load balancers cut what is idle, with room for one lost ping. */
export const PING_EVERY_MS = 15_000;

/** A peer that is silent for this long after a ping is gone: seen after 25 s at worst. */
export const PONG_WITHIN_MS = 10_000;

/** A peer that does not take the last bytes and close within this time is cut. */
export const CLOSE_WITHIN_MS = 10_000;

export interface KeepaliveOptions {
  readonly clock: Clock;
  /** How many bytes have come from the peer: any of them counts as an answer. */
  readonly bytesRead: () => number;
  readonly ping: () => void;
  /** Called before each ping; its result is asked when the answer is due. True: silence since then proves nothing. */
  readonly watch?: () => () => boolean;
  /** The peer did not answer. Called at most once. */
  readonly onDead: () => void;
}

/** Pings until stopped, the first time after PING_EVERY_MS. */
export function startKeepalive({ clock, bytesRead, ping, watch, onDead }: KeepaliveOptions): Cancel {
  let cancel = clock.after(PING_EVERY_MS, askPeer);

  function askPeer(): void {
    const before = bytesRead();
    const isExcused = watch?.();
    ping();
    cancel = clock.after(PONG_WITHIN_MS, () => {
      if (bytesRead() === before && isExcused?.() !== true) onDead();
      else cancel = clock.after(PING_EVERY_MS - PONG_WITHIN_MS, askPeer);
    });
  }

  return () => {
    cancel();
  };
}
