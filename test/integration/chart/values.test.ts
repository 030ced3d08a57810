// The chart's values: which of them work, all the way to kubectl, and what the others are told.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { findKubernetesTools } from '../../../deploy/build/kubernetes-tools.ts';
import { CHART, PROMETHEUS_KINDS, type RenderResult, tryRender } from '../../support/kubernetes/chart.ts';
import { startDiscoveryServer } from '../../support/kubernetes/discovery-server.ts';
import { findModelFaults } from '../../support/kubernetes/kubernetes-models.ts';

const run = promisify(execFile);
const SETS = (await readdir(join(CHART, 'ci'))).map((file) => file.replace('-values.yaml', ''));

describe.each(['', ...SETS])('value set "%s"', (name) => {
  const sets = name === '' ? [] : [name];

  test('passes helm lint --strict', async () => {
    const { helm } = await findKubernetesTools();
    const values = sets.flatMap((set) => ['-f', join(CHART, 'ci', `${set}-values.yaml`)]);
    const { stdout } = await run(helm, ['lint', '--strict', '--quiet', CHART, ...values]);
    expect(stdout).not.toContain('[WARNING]');
  });

  test('renders objects of which Kubernetes knows every field, with and without the Prometheus operator', async () => {
    for (const kinds of [[], PROMETHEUS_KINDS]) {
      const { objects } = expectRendered(await tryRender({ sets, kinds }));
      const faults = objects.flatMap((object) =>
        (findModelFaults(object) ?? []).map((fault) => `${object.kind}/${object.metadata.name} ${fault}`),
      );
      expect(faults).toEqual([]);
      expect(objects.filter((object) => findModelFaults(object) !== undefined).length).toBeGreaterThan(6);
      const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test('is taken by kubectl apply --dry-run=client', async () => {
    const { kubectl } = await findKubernetesTools();
    const { objects, text } = expectRendered(await tryRender({ sets, kinds: PROMETHEUS_KINDS }));
    const folder = await mkdtemp(join(tmpdir(), 'converge-kubectl-'));
    await using server = await startDiscoveryServer();
    try {
      const file = join(folder, 'rendered.yaml');
      await writeFile(file, text);
      // Without a server there is no schema to validate with: findModelFaults has done that.
      const options = ['--dry-run=client', '--validate=false', '--server', server.url, '--cache-dir', folder];
      const { stdout } = await run(kubectl, ['apply', ...options, '-f', file], {
        env: { ...process.env, KUBECONFIG: join(folder, 'none') },
      });
      expect(stdout.trim().split('\n')).toHaveLength(objects.length);
      expect(stdout.match(/created \(dry run\)/g)).toHaveLength(objects.length);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('values that contradict each other are refused with a sentence', () => {
  const withoutRedis = { redis: { builtin: { enabled: false } } };
  test.each<[string, object, RegExp]>([
    [
      'replicas without a Redis',
      { replicas: 2, ...withoutRedis },
      /replicas is 2 without a Redis: .*or replicas=1/,
    ],
    [
      'autoscaling without a Redis',
      { autoscaling: { enabled: true }, ...withoutRedis },
      /autoscaling\.maxReplicas is 10 without a Redis/,
    ],
    [
      'a minimum above the maximum',
      { autoscaling: { enabled: true, minReplicas: 5, maxReplicas: 4 } },
      /autoscaling\.minReplicas is 5, above autoscaling\.maxReplicas, which is 4/,
    ],
    [
      'autoscaling without a target',
      { autoscaling: { enabled: true, targetCPUUtilizationPercentage: 0 } },
      /autoscaling\.enabled without a target/,
    ],
    [
      'a grace period below the drain time',
      { relay: { terminationGracePeriodSeconds: 34 } },
      /terminationGracePeriodSeconds is 34, less than the drain of 35 s/,
    ],
    ['an ingress and no host', { ingress: { enabled: true } }, /ingress\.enabled without a host/],
    [
      'a route and no host',
      { httpRoute: { enabled: true, parentRefs: [{ name: 'public' }] } },
      /httpRoute\.enabled without a host/,
    ],
    [
      'a route and no gateway',
      { httpRoute: { enabled: true, hostnames: ['a.example.com'] } },
      /httpRoute\.enabled without a gateway/,
    ],
    [
      'two Redises',
      { redis: { external: { url: 'redis://redis' } } },
      /both the built-in and an external one/,
    ],
    [
      'two URLs of the Redis',
      { redis: { builtin: { enabled: false }, external: { url: 'redis://redis', existingSecret: 'mine' } } },
      /url and existingSecret are both set/,
    ],
    [
      'two cluster secrets',
      { clusterSecret: { value: 'x'.repeat(32), existingSecret: 'mine' } },
      /clusterSecret: value and existingSecret are both set/,
    ],
    [
      'a short cluster secret',
      { clusterSecret: { value: 'x'.repeat(31) } },
      /clusterSecret\.value: the secret has 31 characters, it must have 32 or more/,
    ],
    [
      'a short old cluster secret',
      { clusterSecret: { value: `${'x'.repeat(32)},short` } },
      /the second secret has 5 characters/,
    ],
    [
      'three cluster secrets',
      { clusterSecret: { value: Array.from({ length: 3 }, () => 'x'.repeat(32)).join(',') } },
      /holds 3 secrets/,
    ],
    [
      'a Redis of another kind',
      { redis: { builtin: { enabled: false }, external: { url: 'memcached://:hunter2@x' } } },
      /redis\.external\.url is none of redis:/,
    ],
    [
      'a master that no sentinel is asked for',
      { redis: { builtin: { enabled: false }, external: { url: 'redis+sentinel://:hunter2@s1,s2' } } },
      /redis\.external\.url names no master: add \/MASTER/,
    ],
    [
      'a CA and no TLS',
      { redis: { builtin: { enabled: false }, external: { url: 'redis://redis', caSecret: 'ca' } } },
      /redis\.external\.caSecret is set, but redis\.external\.url asks for no TLS/,
    ],
    [
      'a CA of the built-in Redis',
      { redis: { external: { caSecret: 'ca' } } },
      /redis\.external\.caSecret without an external Redis/,
    ],
    [
      'a Redis that would be killed before it is full',
      { redis: { builtin: { maxmemory: '1gb' } } },
      /redis\.builtin\.maxmemory is 1gb and its container may have 256Mi/,
    ],
    [
      'scaling by a share of nothing',
      { autoscaling: { enabled: true }, resources: { requests: { cpu: null } } },
      /a share of resources\.requests\.cpu, which is empty/,
    ],
    [
      'variables of the chart as one’s own',
      { relay: { extraEnv: [{ name: 'REDIS_URL', value: 'redis://redis' }] } },
      /relay\.extraEnv sets REDIS_URL, which the chart sets itself: use redis\.external/,
    ],
    [
      'the labels by which pods are found',
      { podLabels: { 'app.kubernetes.io/component': 'mine' } },
      /podLabels sets app\.kubernetes\.io\/component/,
    ],
    [
      'a pattern as the public name',
      { ingress: { enabled: true, host: '*.example.com' } },
      /ingress\.host is "\*\.example\.com", which nobody can type: set relay\.publicUrl/,
    ],
    ['nobody to give the role to', { serviceAccount: { create: false } }, /default account/],
    [
      'half of the cluster',
      { kubernetes: { watchPeers: false, deletionCost: true } },
      /deletionCost without kubernetes\.watchPeers/,
    ],
  ])('%s', async (_name, values, sentence) => {
    expect(await messageOf(values)).toMatch(sentence);
  });
});

describe('values that cannot work are refused with a sentence', () => {
  test.each<[string, object, RegExp]>([
    [
      'a host with a scheme',
      { ingress: { enabled: true, host: 'https://x.example.com' } },
      /ingress\.host is "https:\/\/x\.example\.com": a name in DNS/,
    ],
    [
      'a host in capitals',
      { httpRoute: { enabled: true, parentRefs: [{ name: 'public' }], hostnames: ['X.example.com'] } },
      /httpRoute\.hostnames is "X\.example\.com": a name in DNS, in small letters/,
    ],
    [
      'a public URL without a scheme',
      { relay: { publicUrl: 'x.example.com' } },
      /relay\.publicUrl is "x\.example\.com": https:\/\/HOST/,
    ],
    [
      'a public URL with a path',
      { relay: { publicUrl: 'https://x.example.com/relay' } },
      /relay\.publicUrl .*without a path/,
    ],
    [
      'a trusted proxy by name',
      { relay: { trustProxy: 'traefik' } },
      /relay\.trustProxy is "traefik": true, false, a number of hops/,
    ],
    [
      'a balancer by name',
      { relay: { proxyProtocolFrom: 'uniquelocal' } },
      /relay\.proxyProtocolFrom is "uniquelocal": addresses such as/,
    ],
    [
      'an ingress that alone may come, and nothing that keeps the others out',
      { networkPolicy: { enabled: false, ingressNamespaceSelector: { matchLabels: { a: 'b' } } } },
      /networkPolicy\.ingressNamespaceSelector without networkPolicy\.enabled/,
    ],
    [
      'an ingress that alone may come, and a way past it',
      {
        service: { type: 'NodePort' },
        networkPolicy: { ingressNamespaceSelector: { matchLabels: { a: 'b' } } },
      },
      /service\.type NodePort lets others come past it/,
    ],
    ['a tag that YAML took for a number', { image: { tag: 1.1 } }, /image\.tag is the number 1\.1.*quotes/],
    [
      'a repository with its tag',
      { image: { repository: 'registry.example.com:5000/converge:1' } },
      /image\.repository is "registry\.example\.com:5000\/converge:1": a name without/,
    ],
    [
      'half a byte of memory',
      { resources: { limits: { memory: '512m' } } },
      /resources\.limits\.memory is 512m: a relay takes 100 MiB/,
    ],
    [
      'memory of Redis as Kubernetes writes it',
      { redis: { builtin: { maxmemory: '192Mi' } } },
      /redis\.builtin\.maxmemory is "192Mi": Redis writes it as 192mb/,
    ],
    [
      'a name that no Service can have',
      { fullnameOverride: 'relays.prod' },
      /would be called "relays\.prod", .*set fullnameOverride/,
    ],
  ])('%s', async (_name, values, sentence) => {
    expect(await messageOf(values)).toMatch(sentence);
  });

  test('a release that begins with a digit', async () => {
    const result = await tryRender({ release: '3am' });
    expect(result.kind === 'refused' ? result.message : '').toMatch(/would be called "3am-converge"/);
  });

  test.each([
    { image: { repository: 'registry.example.com:5000/converge' } },
    { resources: { limits: { memory: '128Mi' } } },
    { resources: { limits: { memory: 1_073_741_824 } } },
    { redis: { builtin: { maxmemory: '1gb', resources: { limits: { memory: '1.5Gi' } } } } },
    { redis: { builtin: { maxmemory: '1gb', resources: { limits: { memory: null } } } } },
    { ingress: { enabled: true, host: '*.example.com' }, relay: { publicUrl: 'https://x.example.com:8443' } },
    { relay: { extraEnv: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/ca' }] } },
  ])('and what looks like it is taken: %j', async (values) => {
    expectRendered(await tryRender({ values }));
  });
});

describe('values that cannot work are refused by the schema', () => {
  test.each<[string, object, string]>([
    ['a misspelt value', { replica: 3 }, "'replica' not allowed"],
    ['a misspelt inner value', { relay: { drainSeconds: 3 } }, "'drainSeconds' not allowed"],
    [
      'a digest of another kind',
      { image: { digest: 'md5:d41d8cd98f00b204e9800998ecf8427e' } },
      'image/digest',
    ],
    [
      'half a digest of Redis',
      { redis: { builtin: { image: { digest: 'sha256:0' } } } },
      'builtin/image/digest',
    ],
    ['no replicas', { replicas: 0 }, 'replicas'],
    ['half a replica', { replicas: 1.5 }, 'replicas'],
    ['a negative drain', { relay: { drainTimeoutSeconds: -1 } }, 'relay/drainTimeoutSeconds'],
    ['a disruption budget of none', { podDisruptionBudget: { maxUnavailable: 0 } }, 'podDisruptionBudget'],
    ['a port that is none', { service: { port: 70_000 } }, 'service/port'],
    ['a log level that is none', { relay: { logLevel: 'verbose' } }, 'relay/logLevel'],
    ['two selectors', { service: { extraSpec: { selector: { app: 'x' } } } }, 'service/extraSpec'],
  ])('%s', async (_name, values, place) => {
    expect(await messageOf(values)).toContain(place);
  });
});

test('no secret is repeated in a refusal', async () => {
  const message = await messageOf({ clusterSecret: { value: 'hunter2' } });
  expect(message).not.toContain('hunter2');
  const external = { url: 'memcached://:hunter2@redis' };
  expect(await messageOf({ redis: { builtin: { enabled: false }, external } })).not.toContain('hunter2');
});

test('a cluster without the Prometheus kinds gets its objects only when asked for', async () => {
  const named = async (values: object, kinds: readonly string[]) =>
    expectRendered(await tryRender({ values, kinds })).objects.map(({ kind }) => kind);
  const none = { podMonitor: { enabled: false }, prometheusRule: { enabled: false } };
  const all = { podMonitor: { enabled: true }, prometheusRule: { enabled: true } };
  expect(await named({}, [])).not.toContain('PodMonitor');
  expect(await named({}, PROMETHEUS_KINDS)).toEqual(expect.arrayContaining(['PodMonitor', 'PrometheusRule']));
  expect(await named({ metrics: none }, PROMETHEUS_KINDS)).not.toContain('PrometheusRule');
  expect(await named({ metrics: all }, [])).toEqual(expect.arrayContaining(['PodMonitor', 'PrometheusRule']));
});

function expectRendered(result: RenderResult): Extract<RenderResult, { kind: 'rendered' }> {
  if (result.kind === 'refused') throw new Error(result.message);
  return result;
}

async function messageOf(values: object): Promise<string> {
  const result = await tryRender({ values });
  if (result.kind === 'rendered') throw new Error('these values were taken');
  return result.message;
}
