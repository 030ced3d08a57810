// What the relays count, as a Prometheus sees it: two of them with people on, the dashboard's panels and the alerts.
import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { at, PROMETHEUS_KINDS, pick, render } from '../../support/kubernetes/chart.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { type ClusterPod, RelayCluster } from '../../support/mesh/relay-cluster.ts';
import { TcpBalancer } from '../../support/mesh/tcp-balancer.ts';
import { type RedisServer, startRedis } from '../../support/redis/redis-server.ts';
import { type EchoSession, openResumableSession, refusalOf } from '../../support/relay/echo-session.ts';
import { type FakeAgent, openAgent } from '../../support/relay/fake-agent.ts';
import { type Prometheus, startPrometheus } from '../../support/relay/prometheus.ts';
import { openClient } from '../../support/relay/relay.ts';
import { until } from '../../support/time/poll.ts';

const JOB = 'relays/converge';
const BYTES = 100_000;
/** Scrapes and evaluations on two busy cores. */
const SEEN_WITHIN_MS = 30_000;

const OF_REDIS = 'ConvergeRedisUnreachable';
/** Tells how busy the machine is: both relays are in this process. */
const OF_THE_MACHINE = 'ConvergeEventLoopSaturated';

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const objects = await render({ kinds: PROMETHEUS_KINDS });
const panels = dashboardPanels();

let redis: RedisServer;
let cluster: RelayCluster;
/** The agent `job` is on the first, its clients are on both. */
let here: ClusterPod;
let there: ClusterPod;
let way: TcpBalancer;
let local: EchoSession;
let prometheus: Prometheus;
let talker: FakeAgent;

beforeAll(async () => {
  redis = await startRedis();
  cluster = new RelayCluster(redis);
  [here, there] = await Promise.all([cluster.pod(), cluster.pod()]);
  const targets = [here, there].map(({ address, name }) => ({
    address,
    labels: { namespace: 'relays', pod: name },
  }));
  prometheus = cluster.guest(await startPrometheus(JOB, targets, impatient(objects)));
  // What is counted before the first scrape is no rise.
  await until('both are scraped', async () => (await prometheus.query('converge_draining')).length === 2);

  const agent = await cluster.agent('job', here);
  way = cluster.guest(new TcpBalancer([{ port: here.port, isReady: () => Promise.resolve(true) }]));
  await way.start();
  local = cluster.guest(await openResumableSession(way.port, 'job'));
  local.greet();
  await local.exchange(BYTES);
  await (await cluster.client('job', there)).exchange(BYTES);
  // One that comes and goes.
  (await cluster.client('job', here))[Symbol.dispose]();
  way.cut();
  await local.exchange(BYTES);
  await until('the session is resumed', () => agent.events.includes('resumed'));
  expect(await refusalOf(openClient(here.port, 'nobody'))).toMatchObject({ code: 'agent_not_found' });
  talker = cluster.guest(await openAgent(there.port, 'talker'));
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

describe('two relays with people on', () => {
  test('say it as promtool would, in few series', async () => {
    await ensureCommands(['promtool']);
    const text = await (await fetch(`http://${here.address}/metrics`)).text();
    // Bounded, whoever comes: no label holds what a stranger or an agent makes up.
    expect(text.split('\n').filter((line) => line.startsWith('converge_')).length).toBeLessThan(750);
    const { promise, resolve } = Promise.withResolvers<{ fault: unknown; said: string }>();
    const child = execFile('promtool', ['check', 'metrics'], (fault, stdout, stderr) => {
      resolve({ fault, said: stdout + stderr });
    });
    child.stdin?.end(text);
    expect(await promise).toEqual({ fault: null, said: '' });
  });

  test('count a session over a hop once where people look, and twice where pods are loaded', async () => {
    const counts = async () => `${await valueOf('Sessions')}, ${await valueOf('Sessions by pod')}`;
    await until('two sessions, three by pod', async () => (await counts()) === '2, 3', SEEN_WITHIN_MS);
    const moved = (routes: string) =>
      Promise.all([here, there].map((pod) => pod.metric(`converge_stream_bytes_total${routes}`)));
    const [a = 0, b = 0] = await moved('{route="waiting"}');
    // There and back, and the greeting; the local one was replayed and framed on top.
    expect(a + b).toBeGreaterThanOrEqual(2 * BYTES);
    expect(a + b).toBeLessThan(3 * BYTES);
    expect(await moved('{route="forwarding"}')).toEqual([b, a]);
    const setUps = (pod: ClusterPod) => pod.metric('converge_session_setup_seconds_count');
    expect(await Promise.all([setUps(here), setUps(there)])).toEqual([3, 1]);
    expect(await here.metric('converge_hop_dial_seconds_count{outcome="open"}')).toBe(1);
    expect(await there.metric('converge_dial_order_seconds_count{outcome="sent"}')).toBe(1);
  });

  test('count what agents say of their clients, and believe no more than can be true', async () => {
    expect(await here.metric('converge_resumes_total{outcome="resumed"}')).toBe(1);
    expect(await here.metric('converge_resume_gap_seconds_count')).toBe(1);
    say({ type: 'status', clients: 3, detached: 1, expiresAt: 0 });
    await until('the status is there', async () => (await there.metric('converge_clients')) === 3);
    expect(await there.metric('converge_detached_clients')).toBe(1);
    say({ type: 'resumption', outcome: 'given_up', afterMs: 120_000 });
    say({ type: 'resumption', outcome: 'resumed', afterMs: Number.MAX_SAFE_INTEGER });
    say({
      type: 'status',
      clients: Number.MAX_SAFE_INTEGER,
      detached: Number.MAX_SAFE_INTEGER,
      expiresAt: 0,
    });
    await until('the boast is there', async () => (await there.metric('converge_clients')) === 512);
    expect(await there.metric('converge_detached_clients')).toBe(512);
    expect(await there.metric('converge_resumes_total{outcome="given_up"}')).toBe(1);
    expect(await there.metric('converge_resume_gap_seconds_sum')).toBe(86_400);
  });

  test('fill every panel of the dashboard, but that of alerts', async () => {
    const busy = panels.filter(({ title }) => title !== 'Alerts');
    expect(busy.length).toBeGreaterThan(20);
    await until(
      'all panels show something',
      async () => (await emptyTargets(busy)).length === 0,
      SEEN_WITHIN_MS,
    ).catch(async () => {
      expect(await emptyTargets(busy)).toEqual([]);
    });
    expect(await valueOf('Alerts')).toBe(0);
    expect(await valueOf('Registry calls that failed')).toBe(0);
    expect(await prometheus.labelValues('namespace', 'converge_draining')).toEqual(['relays']);
    expect(await prometheus.labelValues('job', 'converge_draining{namespace=~"relays"}')).toEqual([JOB]);
  });

  test('raise no alert, and every alert can be evaluated', async () => {
    // A scrape that came to nothing, since this process stood still for a moment, raises one for as long.
    const raised = async () =>
      (await prometheus.rules()).filter(({ name, state }) => name !== OF_THE_MACHINE && state !== 'inactive');
    await until('none is raised', async () => (await raised()).length === 0, SEEN_WITHIN_MS);
    const states = await prometheus.rules();
    expect(states.length).toBe(8);
    expect(states.filter(({ health, state }) => health !== 'ok' || state === 'firing')).toEqual([]);
  });

  test('say that Redis is gone, on pods that nobody asks too, and that it is back', async () => {
    const up = () =>
      Promise.all([here, there].map((pod) => pod.metric('converge_registry_up'))).then((all) => all.join());
    expect(await up()).toBe('1,1');
    await redis.kill();
    await until('both have noticed', async () => (await up()) === '0,0');
    const fires = async (): Promise<boolean> =>
      (await prometheus.rules()).some(({ name, state }) => name === OF_REDIS && state === 'firing');
    await until('the alert fires', fires, SEEN_WITHIN_MS);
    await until('the panel shows it', async () => (await valueOf('Alerts')) === 1, SEEN_WITHIN_MS);
    expect(await refusalOf(openClient(here.port, 'nobody'))).toMatchObject({ code: 'registry_unavailable' });
    const failed = panels.filter(({ title }) => title === 'Registry calls that failed');
    await until(
      'the failed call is seen',
      async () => (await emptyTargets(failed)).length === 0,
      SEEN_WITHIN_MS,
    );
    await redis.restart({ keep: false });
    await until('both are back', async () => (await up()) === '1,1', SEEN_WITHIN_MS);
  });
});

function say(message: object): void {
  talker.socket.send(JSON.stringify(message));
}

/** The sum over what the first expression of a panel gives. */
async function valueOf(title: string): Promise<number> {
  const expr = panels.find((panel) => panel.title === title)?.targets?.[0]?.expr;
  if (expr === undefined) throw new Error(`no panel ${title}`);
  const samples = await prometheus.query(chosen(expr));
  return samples.reduce((sum, { value }) => sum + value, 0);
}

/** The expressions that give nothing, or no number. */
async function emptyTargets(among: readonly Panel[]): Promise<string[]> {
  const empty: string[] = [];
  for (const { title, targets = [] } of among) {
    for (const { expr } of targets) {
      const samples = await prometheus.query(chosen(expr));
      if (!samples.some(({ value }) => Number.isFinite(value))) empty.push(`${title}: ${expr}`);
    }
  }
  return empty;
}

/** With all that a person can choose above the panels. */
function chosen(expr: string): string {
  return expr.replaceAll('$namespace', 'relays').replaceAll('$job', JOB);
}

/** The groups of alerts; the one that is to fire here does not wait before it does. */
function impatient(rendered: typeof objects): unknown {
  const groups = at(pick(rendered, 'PrometheusRule'), 'spec.groups') as { rules: { alert: string }[] }[];
  const hurried = (rule: { alert: string }) => (rule.alert === OF_REDIS ? { ...rule, for: '0s' } : rule);
  return groups.map((group) => ({ ...group, rules: group.rules.map(hurried) }));
}

function dashboardPanels(): readonly Panel[] {
  const data = at(pick(objects, 'ConfigMap', 'converge-dashboard'), 'data') as Record<string, string>;
  const all = at(JSON.parse(data['converge.json'] ?? ''), 'panels') as (Panel & { readonly type: string })[];
  return all.filter(({ type }) => type !== 'row');
}
