// Debian's Prometheus, scraping relays of the test, to ask what a person would see.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ensureCommands } from '../machine/test-commands.ts';
import { freePort } from '../network/ports.ts';
import { startProcess } from '../process/started-process.ts';
import { until } from '../time/poll.ts';

/** What a test waits for is seen after one or two of them. */
const SCRAPE_EVERY = '200ms';

/** It starts within one or two; on two busy cores. */
const READY_WITHIN_MS = 60_000;

export interface ScrapeTarget {
  /** `HOST:PORT` of an internal listener. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A rule as it stands. */
export interface RuleState {
  readonly name: string;
  /** `ok` if its expression can be evaluated. */
  readonly health: string;
  readonly state: 'inactive' | 'pending' | 'firing';
}

export interface Prometheus extends AsyncDisposable {
  /** The instant vector of `expr` now. @throws Error with what Prometheus says of an expression that it does not take */
  query(expr: string): Promise<readonly Sample[]>;
  /** The values of a label among the series that `selector` finds. */
  labelValues(label: string, selector: string): Promise<readonly string[]>;
  rules(): Promise<readonly RuleState[]>;
}

/** Starts one on loopback; `groups` are of rules, as in a PrometheusRule. */
export async function startPrometheus(
  job: string,
  targets: readonly ScrapeTarget[],
  groups: unknown,
): Promise<Prometheus> {
  await ensureCommands(['prometheus']);
  const folder = await mkdtemp(join(tmpdir(), 'converge-prometheus-'));
  const statics = targets.map(({ address, labels }) => ({ targets: [address], labels }));
  const config = {
    global: {
      scrape_interval: SCRAPE_EVERY,
      scrape_timeout: SCRAPE_EVERY,
      evaluation_interval: SCRAPE_EVERY,
    },
    rule_files: ['rules.yaml'],
    scrape_configs: [{ job_name: job, static_configs: statics }],
  };
  await writeFile(join(folder, 'rules.yaml'), stringify({ groups }));
  await writeFile(join(folder, 'config.yaml'), stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const args = [
    `--config.file=${join(folder, 'config.yaml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${address}`,
    '--log.level=warn',
  ];
  const running = startProcess('prometheus', ['prometheus', ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
  });

  async function ask(path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const query = new URLSearchParams(parameters).toString();
    const answer = await fetch(`http://${address}/api/v1/${path}?${query}`);
    const body = (await answer.json()) as { data?: unknown; error?: string };
    if (body.error !== undefined) throw new Error(`${body.error}: ${JSON.stringify(parameters)}`);
    return body.data;
  }
  const isReady = async (): Promise<boolean> => {
    if (!running.isRunning) throw new Error(running.transcript);
    const answer = await fetch(`http://${address}/-/ready`).catch(() => undefined);
    return answer?.ok === true;
  };
  await until('prometheus is ready', isReady, READY_WITHIN_MS);

  return {
    async query(expr) {
      const data = await ask('query', { query: expr });
      const { result } = data as {
        result: { metric: Record<string, string>; value: [number, string] }[];
      };
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    async labelValues(label, selector) {
      return (await ask(`label/${label}/values`, { 'match[]': selector })) as string[];
    },
    async rules() {
      const { groups: found } = (await ask('rules', {})) as { groups: { rules: RuleState[] }[] };
      return found.flatMap(({ rules }) => rules);
    },
    async [Symbol.asyncDispose]() {
      running.kill('SIGKILL');
      await running.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
