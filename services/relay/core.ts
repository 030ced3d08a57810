// The session core of one relay, and what it works with: registry, cluster, peers and limits. Nothing here knows HTTP.
import { randomBytes } from 'node:crypto';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { Config } from './config.ts';
import type { GateRecorder } from './gate/gate.ts';
import type { GateParts } from './gate-parts.ts';
import { createGatehouse, type Gatehouse } from './gatehouse.ts';
import { ClusterKey } from './hop/cluster-key.ts';
import { grantsOf } from './hop/grant.ts';
import { PeerDialler } from './hop/peer-dialler.ts';
import { ticketsOf } from './hop/ticket.ts';
import type { ApiRecorder } from './kubernetes/api-troubles.ts';
import { type Cluster, workOf } from './kubernetes/cluster.ts';
import { createKubeCluster } from './kubernetes/kube-cluster.ts';
import { standalone } from './kubernetes/standalone.ts';
import { Admission, type LimitRecorder } from './limits/admission.ts';
import { type ProcessMemory, processMemory } from './limits/process-memory.ts';
import type { Pump } from './pump/pump.ts';
import { pumpFor } from './pump/pump-choice.ts';
import type { Blocks } from './registry/blocks.ts';
import { MemoryBlocks } from './registry/memory-blocks.ts';
import { MemoryRegistry } from './registry/memory-registry.ts';
import { createRedisRegistry } from './registry/redis/create-redis-registry.ts';
import { RedisBlocks } from './registry/redis/redis-blocks.ts';
import { RedisKeys } from './registry/redis/redis-keys.ts';
import { RedisTally } from './registry/redis/redis-tally.ts';
import type { AgentRegistry } from './registry/registry.ts';
import type { RegistryRecorder } from './registry/registry-recorder.ts';
import { MemoryTally, type Tally } from './registry/tally.ts';
import { type AgentRecorder, AgentTable, type AgentWitness } from './session/agent-table.ts';
import { LeaseKeeper } from './session/lease-keeper.ts';
import type { Log } from './session/needs.ts';
import { OwnerCheck } from './session/owner-check.ts';
import { PendingDials } from './session/pending-dials.ts';
import { type OrderRecorder, Router } from './session/router.ts';
import { type SessionRecorder, SessionTable, type SessionWitness } from './session/session-table.ts';
import { WaitingClients } from './session/waiting-clients.ts';

/** The port of the internal listener as the chart's Service names it. */
const INTERNAL_PORT_NAME = 'internal';

/** How often the cluster hears how busy this pod is, in milliseconds. */
const REPORT_LOAD_EVERY_MS = 10_000;

export interface CoreOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: AgentRecorder &
    ApiRecorder &
    GateRecorder &
    LimitRecorder &
    OrderRecorder &
    RegistryRecorder &
    SessionRecorder;
  /** By default, what the configuration names; so are the next two. */
  readonly registry?: AgentRegistry;
  readonly cluster?: Cluster;
  readonly memory?: ProcessMemory;
  readonly gateParts: (key: ClusterKey) => GateParts;
  readonly witness: AgentWitness & SessionWitness;
}

export interface Core {
  readonly clock: Clock;
  readonly log: Log;
  /** This pod. Its address is set once the internal listener is open, if POD_ADDRESS does not say it. */
  readonly self: { readonly pod: string; address: string };
  readonly key: ClusterKey;
  readonly registry: AgentRegistry;
  readonly blocks: Blocks;
  readonly cluster: Cluster;
  readonly peers: PeerDialler;
  readonly admission: Admission;
  readonly agents: AgentTable;
  readonly leases: LeaseKeeper;
  readonly owners: OwnerCheck;
  readonly dials: PendingDials;
  readonly router: Router;
  readonly sessions: SessionTable;
  readonly pump: Pump;
  readonly waiting: WaitingClients;
  readonly gatehouse: Gatehouse;
}

/** Opens nothing. */
export function createCore(options: CoreOptions): Core {
  const { config, clock, log, recorder, witness } = options;
  const self = { pod: config.podId, address: config.podAddress ?? '' };
  const key = new ClusterKey(config.clusterSecrets ?? [randomBytes(32).toString('base64url')]);
  const { registry, tally, blocks } = createStores(options, key);
  const cluster = options.cluster ?? createCluster(options);
  const peers = new PeerDialler(key, clock);
  const memory = options.memory ?? processMemory(config.limits.memoryBytes);
  const pump = pumpFor(config.pump, log);
  const count = () => {
    pump.count();
  };
  const admission = new Admission({ ...config.limits, clock, memory, recorder, count });

  const grants = grantsOf(key);
  const agents = new AgentTable({ registry, owner: self, grants, clock, log, recorder, witness });
  const leases = new LeaseKeeper({ agents, registry, owner: self, clock, log });
  const owners = new OwnerCheck({ registry, agents, peers, cluster, self, clock });
  const dials = new PendingDials(clock);
  const tickets = ticketsOf(key, clock);
  const found = { agents, leases, dials, registry, peers, cluster };
  const router = new Router({ ...found, tickets, self, clock, log, recorder });
  const sessions = new SessionTable({ clock, log, recorder, witness, joiner: pump });
  const waiting = new WaitingClients();
  const gatehouse = createGatehouse({
    ...options.gateParts(key),
    budget: admission,
    blocks,
    tally,
    key,
    clock,
    recorder,
  });
  const own = {
    clock,
    log,
    self,
    key,
    admission,
    owners,
    router,
    sessions,
    pump,
    waiting,
    blocks,
    gatehouse,
  };
  return { ...own, ...found };
}

interface Stores {
  readonly registry: AgentRegistry;
  readonly tally: Tally;
  readonly blocks: Blocks;
}

/** Where the pods keep what they share, as the configuration says; another kind is one more case here. */
function createStores(options: CoreOptions, key: ClusterKey): Stores {
  const { config, clock, log, recorder } = options;
  const inMemory = { tally: new MemoryTally(clock), blocks: new MemoryBlocks(clock) };
  if (options.registry !== undefined) return { registry: options.registry, ...inMemory };
  const { podId: pod, registry } = config;
  const signer = {
    sign: (text: string) => key.sign('registry', text),
    verify: (text: string, signature: string) => key.verify('registry', text, signature),
  };
  switch (registry.kind) {
    case 'memory':
      return { registry: new MemoryRegistry(clock), ...inMemory };
    case 'redis': {
      const { target } = registry;
      const redis = createRedisRegistry({ target, pod, clock, log, recorder, ...signer });
      const { calls } = redis;
      const blocks = new RedisBlocks({ calls, clock, log, recorder, ...signer });
      return { registry: redis, tally: new RedisTally({ calls, keys: new RedisKeys(), clock }), blocks };
    }
  }
}

function createCluster({ config, clock, log, recorder }: CoreOptions): Cluster {
  const { kubernetes, podAddress = '', podId } = config;
  if (kubernetes === undefined) return standalone;
  // A Kubernetes pod gets its address in POD_ADDRESS: the others know it by that.
  const self = { name: podId, address: podAddress };
  return createKubeCluster({ ...kubernetes, portName: INTERNAL_PORT_NAME, self, clock, log, recorder });
}

/** Starts what the core does on its own: it connects to the registry, renews leases, and watches the cluster. */
export function startCore(core: Core): Cancel {
  const { agents, blocks, cluster, clock, gatehouse, leases, registry, sessions } = core;
  registry.start(() => {
    void leases.restore();
  });
  const stops = [leases.start(), gatehouse.start(), blocks.start(), cluster.start(), reportLoad()];

  /** What the cluster does with the load of this pod is its own business. */
  function reportLoad(): Cancel {
    let cancel: Cancel = () => {};
    const report = (): void => {
      cluster.reportLoad(workOf({ agents: agents.size, sessions: sessions.size }));
      cancel = clock.after(REPORT_LOAD_EVERY_MS, report);
    };
    report();
    return () => {
      cancel();
    };
  }

  return () => {
    for (const stop of stops) stop();
  };
}

/** Frees what the core holds. May be called twice. */
export async function stopCore({ admission, gatehouse, peers, pump, registry }: Core): Promise<void> {
  pump.stop();
  peers.stop();
  admission.stop();
  gatehouse.allowances.stop();
  await registry.stop();
}
