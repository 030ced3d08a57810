// The table of metrics in deploy/README.md: what the relay itself says of each; run directly, it writes it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics } from '../../../services/relay/metrics/metrics.ts';
import { ROOT } from '../source-tree.ts';

export const DEPLOY_README = join(ROOT, 'deploy/README.md');

const BEGIN = '<!-- metrics: written by deploy/build/pages/metric-table.ts -->\n';
const END = '<!-- end -->';

/** Of the process metrics only these are for people; prom-client brings thirty more. */
const PROCESS_METRICS = [
  'nodejs_eventloop_lag_p99_seconds',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
];

/** `text` with the table between its markers as the code has it. */
export async function renderMetricTable(text: string): Promise<string> {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error(`${DEPLOY_README} has no place for the table of metrics`);
  const rows = [...(await describeMetrics())]
    .filter(([name]) => name.startsWith('converge_') || PROCESS_METRICS.includes(name))
    .map(([name, { type, help }]) => `| \`${name}\` | ${type} | ${help} |`);
  const table = ['| metric | type | meaning |', '| --- | --- | --- |', ...rows].join('\n');
  return `${text.slice(0, begin + BEGIN.length)}${table}\n${text.slice(end)}`;
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
    pendingDials: () => 0,
    bytes: () => ({ local: bytes, waiting: bytes, forwarding: bytes }),
    draining: () => false,
    logLinesDropped: () => 0,
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
