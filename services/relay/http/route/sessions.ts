// GET /sessions on the internal listener: who is on this pod, and with ?cluster=1 on every pod.
import type { FastifyInstance } from 'fastify';
import { faultText } from '#shared/text/fault-text.ts';
import { PEER_HEADER, signPeerRequest } from '../../hop/peer-credentials.ts';
import type { Cluster, Peer } from '../../kubernetes/cluster.ts';
import type { Owner } from '../../registry/registry.ts';
import type { Agent } from '../../session/agent-table.ts';
import type { Session } from '../../session/session-table.ts';
import { type PeerDoorOptions, refusedPeer } from '../door/peer.ts';
import { Refused } from '../door/refusal.ts';
import { judgeListRequest } from './list-request.ts';

/** A pod that does not answer within this time is listed as unreachable, in milliseconds. */
const PEER_LIST_WITHIN_MS = 3_000;

export interface SessionListOptions extends PeerDoorOptions {
  /** This pod; its address is known once the internal listener is open. */
  readonly self: Owner;
  readonly cluster: Pick<Cluster, 'peers'>;
  readonly agents: Iterable<Agent>;
  readonly sessions: Iterable<Session>;
  /** Aborts when this pod is asked to leave. */
  readonly leaving: AbortSignal;
}

interface PodList {
  readonly pod: string;
  readonly [field: string]: unknown;
}

export function registerSessions(app: FastifyInstance, options: SessionListOptions): void {
  const { self, cluster, recorder } = options;
  app.get<{ Querystring: { cluster?: string } }>('/sessions', async (request, reply) => {
    const verdict = judgeListRequest(request, options);
    if (verdict.kind === 'stranger') return new Refused('unauthorized', HOW_TO_ASK);
    if (verdict.kind === 'rejected') return refusedPeer(verdict.verdict, recorder);
    if (verdict.kind === 'spoken_for') {
      const message = `this list is for people on this machine, and ${verdict.sign} says that somebody else asks`;
      return new Refused('foreign_origin', message);
    }
    // No script or frame of another page gets at it, whatever the page says that it is.
    void reply.headers({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    if (request.query.cluster !== '1') return listHere(options);
    const others = cluster.peers().filter(({ address }) => address !== self.address);
    const answers = await Promise.all(others.map((peer) => listThere(peer, options)));
    return { pods: [listHere(options), ...answers] };
  });
}

function listHere({ self, agents, sessions, leaving }: SessionListOptions): PodList {
  return {
    pod: self.pod,
    address: self.address,
    draining: leaving.aborted,
    agents: [...agents].map(({ id, epoch, since, address, status }) => ({
      id,
      epoch,
      since: new Date(since).toISOString(),
      address,
      clients: status?.clients ?? 0,
      detached: status?.detached ?? 0,
      expiresAt: status === undefined ? null : new Date(status.expiresAt).toISOString(),
    })),
    sessions: [...sessions].map(({ id, handle, client, since, route, resumable, bytes }) => ({
      id,
      handle,
      client,
      since: new Date(since).toISOString(),
      route,
      resumable,
      ...bytes,
    })),
  };
}

async function listThere({ name: pod, address }: Peer, { key, clock }: SessionListOptions): Promise<PodList> {
  const request = { method: 'GET', path: '/sessions', body: '' };
  try {
    const answer = await fetch(`http://${address}${request.path}`, {
      headers: { [PEER_HEADER]: signPeerRequest(key, request, clock.wallTime()) },
      signal: AbortSignal.timeout(PEER_LIST_WITHIN_MS),
    });
    if (!answer.ok) return { pod, address, unreachable: `it answers with status ${answer.status}` };
    return (await answer.json()) as PodList;
  } catch (error) {
    return { pod, address, unreachable: faultText(error) };
  }
}

const HOW_TO_ASK =
  'this list is for relays and for the machine itself: ' +
  'kubectl port-forward POD 9090, then curl localhost:9090/sessions; without Kubernetes curl on that machine, or inside that container';
