// The door between pods: a request for peers must prove that it comes from a pod of this cluster.
import type { FastifyRequest } from 'fastify';
import type { Clock } from '#shared/time/clock.ts';
import type { ClusterKey } from '../../hop/cluster-key.ts';
import { judgePeerRequest, PEER_HEADER, type PeerVerdict } from '../../hop/peer-credentials.ts';
import { Refused } from './refusal.ts';

/**
 * Why a request for peers was rejected: its credential is not valid, or this version does not understand it (`malformed`).
 */
export const PEER_REJECTIONS = ['missing', 'forged', 'stale', 'malformed'] as const;

/** Counts such requests. */
export interface PeerRecorder {
  peerRejected(why: (typeof PEER_REJECTIONS)[number]): void;
}

export interface PeerDoorOptions {
  readonly clock: Clock;
  readonly key: ClusterKey;
  readonly recorder: PeerRecorder;
}

/** What the credential of a request says; `body` is signed too. */
export function judgePeer(
  { headers, method, url: path }: FastifyRequest,
  body: string,
  { clock, key }: Omit<PeerDoorOptions, 'recorder'>,
): PeerVerdict {
  const credential = headers[PEER_HEADER];
  const header = typeof credential === 'string' ? credential : undefined;
  // A HEAD is answered by the route of its GET, and has that credential.
  const signed = { method: method === 'HEAD' ? 'GET' : method, path, body };
  return judgePeerRequest(key, signed, header, clock.wallTime());
}

/** The refusal of a request whose credential is not valid; `fields` go into the log line. */
export function refusedPeer(
  verdict: Exclude<PeerVerdict, 'genuine'>,
  recorder: PeerRecorder,
  fields: Readonly<Record<string, unknown>> = {},
): Refused {
  recorder.peerRejected(verdict);
  return new Refused('unauthorized', `the credential of the peer is ${verdict}`, { fields });
}
