// What the routes share.
import type { Clock } from '#shared/time/clock.ts';
import type { ClusterKey } from '../../hop/cluster-key.ts';
import type { PeerDialler } from '../../hop/peer-dialler.ts';
import type { Admission } from '../../limits/admission.ts';
import type { Owner } from '../../registry/registry.ts';
import type { AgentTable } from '../../session/agent-table.ts';
import type { OwnerCheck } from '../../session/owner-check.ts';
import type { PendingDials } from '../../session/pending-dials.ts';
import type { Recorder } from '../../session/ports.ts';
import type { Router } from '../../session/router.ts';
import type { SessionTable } from '../../session/session-table.ts';

export interface RouteOptions {
  readonly clock: Clock;
  /** This pod; its address is known once the internal listener is open. */
  readonly self: Owner;
  readonly key: ClusterKey;
  readonly peers: PeerDialler;
  readonly publicUrl: URL | undefined;
  readonly admission: Admission;
  readonly agents: AgentTable;
  readonly owners: OwnerCheck;
  readonly dials: PendingDials;
  readonly router: Router;
  readonly sessions: SessionTable;
  readonly recorder: Recorder;
  /** True once this relay has been told to stop. */
  readonly draining: () => boolean;
  /** Turns an unreachable registry into undefined; any other error goes on. */
  readonly registryFailed: (error: unknown) => undefined;
}
