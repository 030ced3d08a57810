// The cluster around this pod, as far as anybody can tell.
import type { Cancel } from '#shared/clock.ts';

export interface Peer {
  readonly name: string;
  /** `HOST:PORT` of the internal listener. */
  readonly address: string;
}

export interface Cluster {
  /** Starts watching; the result stops it and may be called twice. */
  start(): Cancel;
  /** False when the pod at this address is known to be gone; undefined when nobody knows. */
  isAlive(address: string): boolean | undefined;
  /** The pods of this relay, this one among them; empty when nobody knows. */
  peers(): readonly Peer[];
  /** Tells how much work this pod holds. */
  reportLoad(load: number): void;
}
