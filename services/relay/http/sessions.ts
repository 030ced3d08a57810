// GET /sessions on the internal listener: who is on this pod, and with ?cluster=1 on every pod.
import type { FastifyInstance } from 'fastify';
import type { Cluster } from '../kubernetes/cluster.ts';
import type { Owner } from '../registry/registry.ts';
import type { AgentTable } from '../session/agent-table.ts';
import type { SessionTable } from '../session/session-table.ts';

/** A pod that does not answer within this time is listed as unreachable, in milliseconds. */
const PEER_LIST_WITHIN_MS = 3_000;

export interface SessionListOptions {
  readonly self: Owner;
  readonly agents: AgentTable;
  readonly sessions: SessionTable;
  readonly cluster: Pick<Cluster, 'peers'>;
  readonly draining: () => boolean;
}

interface PodList {
  readonly pod: string;
  readonly [field: string]: unknown;
}

export function registerSessions(app: FastifyInstance, options: SessionListOptions): void {
  app.get<{ Querystring: { cluster?: string } }>('/sessions', async (request) => {
    if (request.query.cluster !== '1') return listHere(options);
    const others = options.cluster.peers().filter(({ address }) => address !== options.self.address);
    const answers = await Promise.all(others.map(({ name, address }) => listThere(name, address)));
    return { pods: [listHere(options), ...answers] };
  });
}

function listHere({ self, agents, sessions, draining }: SessionListOptions): PodList {
  return {
    pod: self.pod,
    address: self.address,
    draining: draining(),
    agents: [...agents].map(({ id, epoch, since, address, status }) => ({
      id,
      epoch,
      since: new Date(since).toISOString(),
      address,
      clients: status?.clients ?? 0,
      detached: status?.detached ?? 0,
      expiresAt: status === undefined ? null : new Date(status.expiresAt).toISOString(),
    })),
    sessions: [...sessions].map(({ id, client, since, route, resumable, bytes }) => ({
      id,
      client,
      since: new Date(since).toISOString(),
      route,
      resumable,
      ...bytes,
    })),
  };
}

async function listThere(pod: string, address: string): Promise<PodList> {
  try {
    const answer = await fetch(`http://${address}/sessions`, {
      signal: AbortSignal.timeout(PEER_LIST_WITHIN_MS),
    });
    return (await answer.json()) as PodList;
  } catch (error) {
    return { pod, address, unreachable: error instanceof Error ? error.message : String(error) };
  }
}
