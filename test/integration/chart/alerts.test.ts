// The alerts, the dashboard and the documentation of metrics, held against the metrics of the code, and tried.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { DEPLOY_README, describeMetrics } from '../../../deploy/build/pages/metric-table.ts';
import { at, PROMETHEUS_KINDS, pick, render, tryRender } from '../../support/kubernetes/chart.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const objects = await render({ kinds: PROMETHEUS_KINDS });
const groups = at(pick(objects, 'PrometheusRule'), 'spec.groups');
const rules = at(groups, '0.rules') as Rule[];
const dashboard: unknown = JSON.parse(dashboardText());
const known = await describeMetrics();

/** The key has a dot in it, which `at` takes for a step. */
function dashboardText(): string {
  const data = at(pick(objects, 'ConfigMap', 'converge-dashboard'), 'data') as Record<string, string>;
  return data['converge.json'] ?? '';
}

test('metrics are named after the Prometheus conventions', () => {
  for (const [name, { type }] of known) {
    if (!name.startsWith('converge_')) continue;
    if (type === 'counter') expect(name).toMatch(/_total$/);
    if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/);
    if (type === 'gauge') expect(name).not.toMatch(/_(total|count|sum)$/);
  }
});

describe('every metric exists', () => {
  test.each(rules)('in the expression of $alert', ({ expr }) => {
    expect(unknownMetrics(expr)).toEqual([]);
    expect(expr.match(/\{namespace="relays",job="relays\/converge"/g)?.length).toBe(
      expr.match(/\{/g)?.length,
    );
    expect(expr).not.toContain('SELECTOR');
  });

  test('in the panels of the dashboard', () => {
    const panels = at(dashboard, 'panels') as Record<string, unknown>[];
    const rows = panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual(['Who is on', 'Is it healthy', 'Is it saturated', 'What broke, and when']);
    const targets = panels.flatMap((panel) => (at(panel, 'targets') ?? []) as { expr: string }[]);
    expect(targets.length).toBeGreaterThan(20);
    expect(targets.flatMap(({ expr }) => unknownMetrics(expr))).toEqual([]);
    const ids = panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

test('what counts on both pods of a hop is shown by pod, or once', () => {
  const doubled = /converge_(?:sessions|sessions_ended_total|stream_bytes_total)\{/;
  const panels = at(dashboard, 'panels') as Record<string, unknown>[];
  const shown = panels.flatMap((panel) => (at(panel, 'targets') ?? []) as { expr: string }[]);
  const about = [...shown, ...rules].map(({ expr }) => expr).filter((expr) => doubled.test(expr));
  expect(about.length).toBeGreaterThan(3);
  for (const expr of about) expect(expr).toMatch(/^sum by \(pod\)|route!="forwarding"/);
});

test('every alert has a runbook, and is in the table of deploy/README.md', async () => {
  const text = await readFile(DEPLOY_README, 'utf8');
  const listed = [...text.matchAll(/^\| `(Converge\w+)` \| (\w+) \|/gm)].map(([, name, severity]) => [
    name,
    severity,
  ]);
  expect(rules.map(({ alert, labels }) => [alert, labels['severity']])).toEqual(listed);
  for (const { annotations } of rules) {
    expect(annotations['summary']).toBeTruthy();
    expect(annotations['description']).toBeTruthy();
    expect(annotations['runbook']?.length).toBeGreaterThan(100);
  }
});

test('alerts are about what the PodMonitor scrapes, and not made without it', async () => {
  const metrics = { podMonitor: { enabled: false } };
  const without = await render({ kinds: PROMETHEUS_KINDS, values: { metrics } });
  expect(without.map(({ kind }) => kind)).not.toContain('PrometheusRule');
  const asked = await tryRender({ values: { metrics: { ...metrics, prometheusRule: { enabled: true } } } });
  expect(asked).toMatchObject({
    kind: 'refused',
    message: expect.stringContaining('metrics.prometheusRule.enabled without') as unknown,
  });
});

test('without a Redis nobody is woken up about it, and labels for routing are added', async () => {
  const single = await render({
    sets: ['single'],
    kinds: PROMETHEUS_KINDS,
    values: { metrics: { prometheusRule: { alertLabels: { team: 'ci' } } } },
  });
  const alerts = at(pick(single, 'PrometheusRule'), 'spec.groups.0.rules') as Rule[];
  expect(alerts.map(({ alert }) => alert)).toEqual(
    rules.map(({ alert }) => alert).filter((alert) => alert !== 'ConvergeRedisUnreachable'),
  );
  expect(alerts[0]?.labels).toEqual({ severity: 'critical', team: 'ci' });
});

describe('with promtool', () => {
  const pod = (name: string) => `namespace="relays",job="relays/converge",pod="${name}"`;
  const counter = (name: string, labels: string, rate: string) => ({
    series: `${name}{${pod('a')}${labels}}`,
    values: rate,
  });
  /** A relay that is there and idle: no alert must fire on it, and each case adds to it. */
  const healthy = {
    draining: { series: `converge_draining{${pod('a')}}`, values: '0x60' },
    registry: { series: `converge_registry_up{${pod('a')}}`, values: '1x60' },
    loop: { series: `nodejs_eventloop_lag_p99_seconds{${pod('a')}}`, values: '0.012x60' },
    links: counter('converge_agent_links_total', '', '0+60x60'),
    setups: counter('converge_session_setup_seconds_count', ',route="local"', '0+60x60'),
    quick: counter('converge_session_setup_seconds_bucket', ',route="local",le="0.1"', '0+60x60'),
    edge: counter('converge_session_setup_seconds_bucket', ',route="local",le="2.5"', '0+60x60'),
    slow: counter('converge_session_setup_seconds_bucket', ',route="local",le="5"', '0+60x60'),
    infinite: counter('converge_session_setup_seconds_bucket', ',route="local",le="+Inf"', '0+60x60'),
    early: counter('converge_refusals_total', ',code="agent_not_found"', '0+60x60'),
    refused: counter('converge_refusals_total', ',code="registry_unavailable"', '0x60'),
    resumed: counter('converge_resumes_total', ',outcome="resumed"', '0+1x60'),
    givenUp: counter('converge_resumes_total', ',outcome="given_up"', '0x60'),
    used: counter('converge_limit_used', ',limit="pod_sessions"', '8000x60'),
    stale: { series: `converge_policy_stale{${pod('a')}}`, values: '0x60' },
    most: counter('converge_limit_max', ',limit="pod_sessions"', '10000x60'),
  };
  interface Series {
    readonly series: string;
    readonly values: string;
  }

  /** The healthy relay with other values, by the minute. */
  const but = (values: Partial<Record<keyof typeof healthy, string>>): Series[] =>
    Object.entries(healthy).map(([key, { series, values: usual }]) => ({
      series,
      values: values[key as keyof typeof healthy] ?? usual,
    }));
  const stranger = counter('converge_refusals_total', ',code="unauthorized"', '0+600x60');
  const draining = { series: `converge_draining{${pod('b')}}`, values: '1x60' };

  test.each<[string, readonly Series[], readonly string[]]>([
    ['a healthy relay', but({}), []],
    ['only pods that drain', but({ draining: '1x60' }), ['ConvergeNoRelayReady']],
    ['a pod that drains beside one that does not', [...but({}), draining], []],
    [
      'no relay at all',
      but({}).map((series) => ({ ...series, values: '1x5 stale' })),
      ['ConvergeNoRelayReady'],
    ],
    ['no Redis', but({ registry: '1x10 0x50' }), ['ConvergeRedisUnreachable']],
    [
      'a quarter of requests refused for lack of a Redis',
      but({ refused: '0+60x60' }),
      ['ConvergeRefusalsRising'],
    ],
    [
      'everything refused from the first request on',
      but({ refused: '0+60x60', setups: '0x60', infinite: '0x60', links: '0x60', early: '0x60' }),
      ['ConvergeRefusalsRising'],
    ],
    ['a stranger who guesses', [...but({}), stranger], []],
    [
      'one session in ten that takes seconds',
      but({ quick: '0+54x60', edge: '0+54x60' }),
      ['ConvergeSessionSetupSlow'],
    ],
    ['one session in fifty that takes seconds', but({ quick: '0+58.8x60', edge: '0+58.8x60' }), []],
    ['sessions of which half take a second or two', but({ quick: '0+30x60' }), []],
    [
      'a lost pod, after which a minute of sessions is slow',
      but({ quick: '0+60x40 2400x1 2460+60x18', edge: '0+60x40 2400x1 2460+60x18' }),
      [],
    ],
    ['a late event loop', but({ loop: '0.012x10 0.4x50' }), ['ConvergeEventLoopSaturated']],
    ['sessions that do not come back', but({ givenUp: '0+2x60' }), ['ConvergeResumesFailing']],
    ['a rollout whose sessions all come back', but({ resumed: '0+0x30 0+40x30' }), []],
    [
      'a rollout after which a few do not come back',
      but({ resumed: '0x40 40x20', givenUp: '0x40 9x20' }),
      [],
    ],
    ['a pod that is nearly full', but({ used: '8100x60' }), ['ConvergeLimitNear']],
    [
      'an address that has all that one may have',
      [
        ...but({}),
        counter('converge_limit_used', ',limit="address_links"', '2000x60'),
        counter('converge_limit_max', ',limit="address_links"', '2000x60'),
      ],
      ['ConvergeLimitNear'],
    ],
    ['a policy file with a fault', but({ stale: '0x10 1x50' }), ['ConvergePolicyStale']],
    ['a policy file whose fault is ten minutes old', but({ stale: '0x40 1x20' }), []],
    ['a morning on which all come at once', but({ used: '0x42 10000x5 0x13' }), []],
    [
      'a stranger who is told 429 all day',
      [...but({}), counter('converge_refusals_total', ',code="rate_limited"', '0+600x60')],
      [],
    ],
    [
      'a pod that is full and refuses people',
      [...but({}), counter('converge_refusals_total', ',code="overloaded"', '0+60x60')],
      ['ConvergeRefusalsRising'],
    ],
    ['laptops that are closed now and then', but({ resumed: '0x60', givenUp: '0+0.3x60' }), []],
    [
      'sessions that come to a job which was started again',
      [...but({}), counter('converge_resumes_total', ',outcome="unknown_session"', '0+2x60')],
      ['ConvergeResumesFailing'],
    ],
  ])('%s', async (_name, series, firing) => {
    await ensureCommands(['promtool']);
    const folder = await mkdtemp(join(tmpdir(), 'converge-promtool-'));
    try {
      await writeFile(join(folder, 'rules.yaml'), stringify({ groups }));
      await promisify(execFile)('promtool', ['check', 'rules', join(folder, 'rules.yaml')]);
      const firingAt50Minutes = {
        // One expression over ALERTS sees what fires and what does not.
        expr: 'count by (alertname, namespace, job) (ALERTS{alertstate="firing"})',
        eval_time: '50m',
        exp_samples: firing.map((alertname) => ({
          labels: `{alertname="${alertname}",namespace="relays",job="relays/converge"}`,
          value: 1,
        })),
      };
      const unit = {
        interval: '1m',
        input_series: series,
        promql_expr_test: [firingAt50Minutes],
      };
      const file = join(folder, 'test.yaml');
      await writeFile(
        file,
        stringify({ rule_files: ['rules.yaml'], evaluation_interval: '1m', tests: [unit] }),
      );
      await promisify(execFile)('promtool', ['test', 'rules', file]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** What looks like a metric of ours or of the process and is not one. */
function unknownMetrics(expr: string): string[] {
  const names = expr.match(/\b(?:(?:converge|nodejs|process)_[a-z0-9_]+|ALERTS\b)/g) ?? [];
  expect(names.length).toBeGreaterThan(0);
  return names.filter((name) => {
    const base = name.replace(/_(bucket|count|sum)$/, '');
    return name !== 'ALERTS' && !known.has(name) && known.get(base)?.type !== 'histogram';
  });
}
