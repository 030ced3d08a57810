// Peer credentials: how a pod proves to another that a request comes from the same cluster, now, and unchanged.
import type { ClusterKey } from './cluster-key.ts';
import { CLOCK_SKEW_MS } from './ticket.ts';

/** The request header: `MILLISECONDS.SIGNATURE`. */
export const PEER_HEADER = 'converge-peer';

/** What is signed: a credential for one request is worthless for another. */
export interface PeerRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

export type PeerVerdict = 'genuine' | 'missing' | 'forged' | 'stale';

/** The header's value. */
export function signPeerRequest(key: ClusterKey, request: PeerRequest, now: number): string {
  return `${now}.${key.sign('peer', textOf(request, now))}`;
}

/** What to think of a request with this header. */
export function judgePeerRequest(
  key: ClusterKey,
  request: PeerRequest,
  header: string | undefined,
  now: number,
): PeerVerdict {
  if (header === undefined) return 'missing';
  const [, stamp, signature] = /^(\d{1,15})\.([A-Za-z0-9_-]{43})$/.exec(header) ?? [];
  if (stamp === undefined || signature === undefined) return 'forged';
  if (!key.verify('peer', textOf(request, Number(stamp)), signature)) return 'forged';
  return Math.abs(now - Number(stamp)) <= CLOCK_SKEW_MS ? 'genuine' : 'stale';
}

function textOf({ method, path, body }: PeerRequest, stamp: number): string {
  return JSON.stringify([method, path, stamp, body]);
}
