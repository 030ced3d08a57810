// The relay, put together: two listeners over one session core.
import { randomBytes } from 'node:crypto';
import https from 'node:https';
import { type Cancel, type Clock, systemClock } from '#shared/time/clock.ts';
import type { Config } from './config.ts';
import { drain } from './drain.ts';
import { RelayFault } from './errors.ts';
import { ClusterKey } from './hop/cluster-key.ts';
import { PeerDialler } from './hop/peer-dialler.ts';
import { registerAdmission } from './http/door/admission.ts';
import { refuseForeignOrigins } from './http/door/foreign-origin.ts';
import { addressOfSocket } from './http/door/origin.ts';
import { downloadDigest, listPlatforms } from './http/download/binary.ts';
import { registerDownloads } from './http/download/downloads.ts';
import { takeProxyHeaders } from './http/listener/balanced-connections.ts';
import { createListener, listen, portOf } from './http/listener/listener.ts';
import { reloadTlsFiles } from './http/listener/tls.ts';
import { cutUntakenAnswers } from './http/listener/untaken-answers.ts';
import { routeUpgrades, type UpgradeOptions } from './http/listener/upgrade.ts';
import { registerAgentRoutes } from './http/route/agent.ts';
import { registerClientRoute } from './http/route/client.ts';
import { registerDialRoute } from './http/route/dial.ts';
import { registerHealth } from './http/route/health.ts';
import { registerHopRoute } from './http/route/hop.ts';
import { registerMetrics } from './http/route/metrics.ts';
import type { RouteOptions } from './http/route/route-options.ts';
import { registerSessions } from './http/route/sessions.ts';
import { registerUsagePage } from './http/usage/usage-page.ts';
import { ownAddress } from './internal-host.ts';
import { type Cluster, workOf } from './kubernetes/cluster.ts';
import { createKubeCluster } from './kubernetes/kube-cluster.ts';
import { standalone } from './kubernetes/standalone.ts';
import { Admission } from './limits/admission.ts';
import { type ProcessMemory, processMemory } from './limits/memory.ts';
import type { LogOutput } from './log/log-output.ts';
import { createRepeatedLines } from './log/repeated-lines.ts';
import { createMetrics } from './metrics/metrics.ts';
import { MemoryRegistry } from './registry/memory.ts';
import { createRedisRegistry } from './registry/redis/redis.ts';
import type { SessionRegistry } from './registry/registry.ts';
import { AgentTable } from './session/agent-table.ts';
import { OwnerCheck } from './session/owner-check.ts';
import { PendingDials } from './session/pending-dials.ts';
import { Router } from './session/router.ts';
import { SessionTable } from './session/session-table.ts';

/** The port of the internal listener as the chart's Service names it. */
const INTERNAL_PORT_NAME = 'internal';

/** How often the cluster hears how busy this pod is, in milliseconds. */
const REPORT_LOAD_EVERY_MS = 10_000;

export interface RelayParts {
  readonly clock?: Clock;
  /** By default, what the configuration names. */
  readonly registry?: SessionRegistry;
  readonly cluster?: Cluster;
  /** Where the build put the binaries. */
  readonly downloads: string;
  /** `OS-ARCH` of `/docs/agent` and its like. */
  readonly platform: string;
  /** Where the JSON lines of the log go; by default to standard output, whatever becomes of them. */
  readonly log?: Pick<LogOutput, 'write' | 'dropped'>;
  /** By default, that of this process. */
  readonly memory?: ProcessMemory;
}

export interface Relay {
  /** Opens both listeners. Rejects with a RelayFault that names the address. */
  start(): Promise<{ readonly port: number; readonly internalPort: number }>;
  /** Sends everybody away, then stops. A second call returns the same promise. */
  drain(): Promise<void>;
  /** Closes everything now. May be called twice. */
  stop(): Promise<void>;
}

/** Puts a relay together; nothing is opened before `start`. */
export function createRelay(config: Config, parts: RelayParts): Relay {
  const clock = parts.clock ?? systemClock;
  let draining = false;
  let drained: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;
  const starts: (() => void)[] = [];
  const stops: (() => void | Promise<void>)[] = [];

  const metrics = createMetrics({
    agents: () => agents.size,
    clients: () => agents.clients,
    sessions: () => sessions.counts,
    pendingDials: () => dials.size,
    bytes: () => sessions.totals,
    draining: () => draining,
    logLinesDropped: () => parts.log?.dropped ?? 0,
    limits: () => admission.levels(),
  });
  const admission = new Admission({
    ...config.limits,
    clock,
    memory: parts.memory ?? processMemory(config.limits.memoryBytes),
    recorder: metrics,
  });
  const repeated = createRepeatedLines(clock, (fields, message) => {
    log.info(fields, message);
  });
  const { podId, logLevel, tls, trustProxy } = config;
  const shared = { podId, logLevel, log: parts.log, repeated, recorder: metrics };
  const publicApp = createListener({ ...shared, trustProxy, tls });
  const internalApp = createListener({ ...shared, trustProxy: false, tls: undefined });
  // A child: what one listener is told to keep quiet of, the core goes on saying.
  const log = publicApp.log.child({});
  const key = new ClusterKey(config.clusterSecrets ?? [randomBytes(32).toString('base64url')]);
  // The address is known once the internal listener is open; nothing uses it before.
  const self = { pod: config.podId, address: config.podAddress ?? '' };
  const registry = parts.registry ?? createRegistry();
  const cluster = parts.cluster ?? createCluster();
  const dials = new PendingDials(clock);
  const peers = new PeerDialler(key, clock);
  const agents = new AgentTable({ registry, owner: self, key, clock, log, recorder: metrics });
  const owners = new OwnerCheck({ registry, agents, peers, cluster, self, clock });
  const sessions = new SessionTable({ clock, log, recorder: metrics });
  const router = new Router({
    agents,
    dials,
    registry,
    peers,
    cluster,
    key,
    self,
    clock,
    log,
    recorder: metrics,
  });
  const routes: RouteOptions = {
    clock,
    self,
    key,
    peers,
    publicUrl: config.publicUrl,
    admission,
    agents,
    owners,
    dials,
    router,
    sessions,
    recorder: metrics,
    draining: () => draining,
    registryFailed(error) {
      if (error instanceof RelayFault && error.code === 'registry_unavailable') return undefined;
      throw error;
    },
  };

  const upgrades: UpgradeOptions = {
    clock,
    onPipelined(socket) {
      metrics.requestMalformed('pipelined');
      log.info({ address: addressOfSocket(socket), reason: 'pipelined' }, 'malformed request');
    },
  };
  if (config.proxyProtocolFrom.length > 0) {
    const cut = takeProxyHeaders(publicApp.server, {
      from: config.proxyProtocolFrom,
      clock,
      onMalformed(socket) {
        metrics.requestMalformed('proxy_header');
        log.info({ address: addressOfSocket(socket), reason: 'proxy_header' }, 'malformed request');
      },
    });
    stops.push(cut);
  }
  refuseForeignOrigins(publicApp, metrics, config.publicUrl);
  routeUpgrades(publicApp, upgrades);
  registerAdmission(publicApp, { admission, recorder: metrics });
  registerAgentRoutes(publicApp, routes);
  const dismiss = registerClientRoute(publicApp, routes);
  stops.push(
    cutUntakenAnswers(publicApp, {
      clock,
      onCut(socket) {
        metrics.answerUntaken();
        log.info({ address: addressOfSocket(socket) }, 'answer not taken');
      },
    }),
  );
  registerDownloads(publicApp, { directory: parts.downloads, defaultPlatform: parts.platform });
  registerUsagePage(publicApp, {
    publicUrl: config.publicUrl?.href,
    binaries: () => listPlatforms(parts.downloads),
    agentSha256: () => downloadDigest(parts.downloads, 'agent', parts.platform),
    defaultPlatform: parts.platform,
  });
  registerHealth(internalApp, () => draining);
  registerMetrics(internalApp, metrics);
  refuseForeignOrigins(internalApp, metrics, config.publicUrl);
  routeUpgrades(internalApp, upgrades);
  registerDialRoute(internalApp, routes);
  registerHopRoute(internalApp, routes);
  registerSessions(internalApp, { ...routes, cluster });

  function createRegistry(): SessionRegistry {
    if (config.redis === undefined) return new MemoryRegistry(clock);
    metrics.registryConnected(false);
    const redis = createRedisRegistry({
      target: config.redis,
      pod: config.podId,
      clock,
      log,
      sign: (text) => key.sign('registry', text),
      verify: (text, signature) => key.verify('registry', text, signature),
      onReady: () => {
        metrics.registryConnected(true);
        void agents.restore();
      },
      onLost: () => {
        metrics.registryConnected(false);
      },
      onFault: (fault) => {
        metrics.registryEntryDistrusted(fault);
      },
      onCall: (operation, seconds, outcome) => {
        metrics.registryCalled(operation, seconds, outcome);
      },
    });
    starts.push(() => {
      redis.start();
    });
    return redis;
  }

  function createCluster(): Cluster {
    const { kubernetes } = config;
    if (kubernetes === undefined) return standalone;
    return createKubeCluster({
      ...kubernetes,
      portName: INTERNAL_PORT_NAME,
      // Named, since the address is known only later.
      self: { name: config.podId, address: config.podAddress ?? '' },
      clock,
      log,
      recorder: metrics,
    });
  }

  async function start(): Promise<{ port: number; internalPort: number }> {
    await listen(internalApp, 'internal', { host: config.internalHost, port: config.internalPort });
    if (config.podAddress === undefined) self.address = ownAddress(config.internalHost, portOf(internalApp));
    await listen(publicApp, 'public', { host: config.host, port: config.port });
    if (config.tls !== undefined && publicApp.server instanceof https.Server) {
      const reload = reloadTlsFiles(publicApp.server, config.tls, (error) => {
        if (error === undefined) log.info({}, 'tls certificate reloaded');
        else log.error({ err: error }, 'tls certificate not reloaded');
      });
      stops.push(reload);
    }
    if (config.redis !== undefined && config.podAddress === undefined)
      log.warn(
        { address: self.address },
        'POD_ADDRESS is not set: pods on other machines cannot reach this one',
      );
    for (const begin of starts) begin();
    stops.push(agents.start(), cluster.start(), reportLoad());
    return { port: portOf(publicApp), internalPort: portOf(internalApp) };
  }

  /** Tells the cluster again and again how busy this pod is; what to do with it is the cluster's business. */
  function reportLoad(): Cancel {
    cluster.reportLoad(workOf({ agents: agents.size, sessions: sessions.size }));
    let cancel = clock.after(REPORT_LOAD_EVERY_MS, again);
    function again(): void {
      cluster.reportLoad(workOf({ agents: agents.size, sessions: sessions.size }));
      cancel = clock.after(REPORT_LOAD_EVERY_MS, again);
    }
    return () => {
      cancel();
    };
  }

  function stop(): Promise<void> {
    draining = true;
    stopped ??= (async () => {
      dismiss();
      for (const agent of agents) agent.link.close('restart');
      sessions.close('restart', () => true);
      for (const end of stops) await end();
      publicApp.server.closeAllConnections();
      internalApp.server.closeAllConnections();
      await Promise.all([publicApp.close(), internalApp.close()]);
      peers.stop();
      admission.stop();
      await registry.stop();
      repeated.flush();
    })();
    return stopped;
  }

  return {
    start,
    stop,
    drain() {
      draining = true;
      const { drainDelayMs: delayMs, drainTimeoutMs: timeoutMs } = config;
      drained ??= drain({ agents, sessions, clock, log, dismiss, delayMs, timeoutMs }).then(stop);
      return drained;
    },
  };
}
