// The relay, put together: the log and the metrics, two listeners, the session core between them, and their life.
import { join } from 'node:path';
import { type Clock, systemClock } from '#shared/time/clock.ts';
import type { AuditLog } from './audit/audit-event.ts';
import { AuditTrail } from './audit/audit-trail.ts';
import { sinkFor } from './audit/sink-choice.ts';
import { policyEventOf, witnessFor } from './audit/witness.ts';
import type { Config } from './config.ts';
import { createCore } from './core.ts';
import { type GateParts, gatePartsOf } from './gate-parts.ts';
import { RecentRefusals } from './http/operator/recent-refusals.ts';
import type { Cluster } from './kubernetes/cluster.ts';
import { type Relay, RelayLifecycle } from './lifecycle.ts';
import type { ProcessMemory } from './limits/process-memory.ts';
import { Listeners } from './listeners.ts';
import type { LogOutput } from './log/log-output.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import type { AgentRegistry } from './registry/registry.ts';
import { serveInternal, servePublic } from './routes.ts';
import { signOnCheckOf } from './sso/sign-on-token.ts';

export interface RelayParts {
  readonly clock?: Clock;
  /** By default, what the configuration names. */
  readonly registry?: AgentRegistry;
  readonly cluster?: Cluster;
  /** Where the build put the binaries. */
  readonly downloads: string;
  /** Where it put the terminal page; by default beside them. */
  readonly terminal?: string;
  /** `OS-ARCH` of `/docs/agent` and its like. */
  readonly platform: string;
  /** Where the JSON lines of the log go; by default to standard output, whatever becomes of them. */
  readonly log?: Pick<LogOutput, 'write' | 'dropped'>;
  /** By default, that of this process. */
  readonly memory?: ProcessMemory;
  /** In tests, in place of what the policy file says. */
  readonly gateParts?: Partial<GateParts>;
  /** In tests, in place of where the configuration says. */
  readonly audit?: AuditLog;
}

/** Puts a relay together; nothing is opened before `start`. */
export function createRelay(config: Config, parts: RelayParts): Relay {
  const clock = parts.clock ?? systemClock;
  /** Aborts when this relay is asked to leave: it takes nothing new from then on. */
  const leaving = new AbortController();
  /** Ends whatever runs in the background, when the relay stops. */
  const background = new DisposableStack();

  const refusals = new RecentRefusals(clock);
  const counted = createMetrics();
  const metrics: Metrics = {
    ...counted,
    refused(code, asker) {
      counted.refused(code, asker);
      refusals.refused(code);
      audit.record({ event: 'refused', code, ...asker });
    },
    policyRead(version) {
      counted.policyRead(version);
      audit.record(policyEventOf(version));
    },
  };
  const listeners = new Listeners({ config, clock, recorder: metrics, output: parts.log });
  const { log } = listeners;
  const output = parts.log ?? STANDARD_OUTPUT;
  const trail =
    config.audit === undefined
      ? undefined
      : new AuditTrail({
          pod: config.podId,
          clock,
          log,
          recorder: metrics,
          sink: sinkFor(config.audit, { clock, output, proxies: config.proxies }),
        });
  const audit = parts.audit ?? trail ?? NOBODY;
  const core = createCore({
    ...parts,
    gateParts: (key) => ({
      ...gatePartsOf({ config, key, clock, log, recorder: metrics, signOn: signOnCheckOf(key) }),
      ...parts.gateParts,
    }),
    config,
    clock,
    log,
    recorder: metrics,
    witness: witnessFor(audit),
  });

  metrics.read({
    agents: () => core.agents.size,
    clients: () => core.agents.clients,
    sessions: () => core.sessions.counts,
    pumped: () => core.pump.size,
    pendingDials: () => core.dials.size,
    bytes: () => core.sessions.totals,
    draining: () => leaving.signal.aborted,
    logLinesDropped: () => parts.log?.dropped ?? 0,
    limits: () => core.admission.levels(),
    blocks: () => core.blocks.list().length,
    auditWaitingBytes: () => trail?.waitingBytes ?? 0,
    policy: () => core.gatehouse.policy.file,
  });
  const serving = { config, core, metrics, refusals, audit, leaving: leaving.signal, background };
  servePublic(listeners.public, {
    ...serving,
    ...parts,
    terminal: parts.terminal ?? join(parts.downloads, '..', 'terminal'),
    audit,
    keepsRecord: audit !== NOBODY,
  });
  serveInternal(listeners.internal, serving);
  return new RelayLifecycle({ config, core, listeners, trail, leaving, background });
}

/** Keeps no record. */
const NOBODY: AuditLog = { record: () => undefined };

/** What the log has by default as well. */
const STANDARD_OUTPUT = {
  dropped: 0,
  write(line: string): void {
    process.stdout.write(line);
  },
};
