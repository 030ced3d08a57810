// The cluster around this pod, as far as anybody can tell.
import type { Cancel } from '#shared/time/clock.ts';

export interface Peer {
  readonly name: string;
  /** `HOST:PORT` of the internal listener. */
  readonly address: string;
}

export interface Cluster {
  /** Starts watching; the result stops it and may be called twice. A cluster is started once. */
  start(): Cancel;
  /**
   * False when a pod was at this address and is known to be gone, true when one is there; undefined when nobody knows,
   * which is always so for an address that was never seen.
   */
  isAlive(address: string): boolean | undefined;
  /** The pods of this relay, this one among them, as last seen; empty when nobody knows. */
  peers(): readonly Peer[];
  /** Reports how much work this pod holds, see `workOf`; cheap enough to be called on every change. */
  reportLoad(load: number): void;
}

/** A session is somebody's shell or copy, an agent only a link that is re-dialled: what one is worth in the other. */
const AGENTS_PER_SESSION = 10;

/** The work that a pod holds, for `reportLoad`. */
export function workOf({ agents, sessions }: { agents: number; sessions: number }): number {
  return agents + AGENTS_PER_SESSION * sessions;
}
