// The table of metrics in deploy/README.md: what the relay itself says of each. Run directly, this file writes it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics } from '../../../services/relay/metrics/metrics.ts';
import { ROOT } from '../source-tree.ts';
import { replaceMarkedPart } from './marked-part.ts';

export const DEPLOY_README = join(ROOT, 'deploy/README.md');

/** Of the process metrics only these are for people; prom-client brings thirty more. */
const PROCESS_METRICS = [
  'nodejs_eventloop_lag_p99_seconds',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
];

/** `text` with the table between its markers as the code has it. */
export async function renderMetricTable(text: string): Promise<string> {
  const rows = [...(await describeMetrics())]
    .filter(([name]) => name.startsWith('converge_') || PROCESS_METRICS.includes(name))
    .map(([name, { type, help }]) => `| \`${name}\` | ${type} | ${help} |`);
  const table = ['| metric | type | meaning |', '| --- | --- | --- |', ...rows].join('\n');
  return replaceMarkedPart(text, 'metrics', `${table}\n`);
}

/** Name to type and help of everything that a relay serves at /metrics. */
export async function describeMetrics(): Promise<
  ReadonlyMap<string, { readonly type: string; readonly help: string }>
> {
  const bytes = { toAgent: 0, toClient: 0 };
  const metrics = createMetrics();
  metrics.read({
    agents: () => 0,
    clients: () => ({ all: 0, detached: 0 }),
    sessions: () => ({ local: 0, waiting: 0, forwarding: 0 }),
    pumped: () => 0,
    pendingDials: () => 0,
    bytes: () => ({ local: bytes, waiting: bytes, forwarding: bytes }),
    draining: () => false,
    logLinesDropped: () => 0,
    blocks: () => 0,
    auditWaitingBytes: () => 0,
    policy: () => ({ sha256: '', isStale: false }),
    limits: () => new Map(),
  });
  const text = await metrics.text();
  return new Map(
    [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(
      ([, name = '', help = '', type = '']) => [name, { type, help }],
    ),
  );
}

if (import.meta.main)
  writeFileSync(DEPLOY_README, await renderMetricTable(readFileSync(DEPLOY_README, 'utf8')));
