// Who may reach what of a release: asked of the rendered NetworkPolicies, and of ones with a rule broken.
import { describe, expect, test } from 'vitest';
import {
  at,
  type KubeObject,
  PROMETHEUS_KINDS,
  pick,
  type Rendering,
  render,
} from '../../support/kubernetes/chart.ts';
import { mayReach, type NetworkPod, type Outsider, podOf } from '../../support/kubernetes/network-policy.ts';

const PORTS = { public: 8080, internal: 9090, other: 22 };
const REDIS = 6379;
const objects = await render({ kinds: PROMETHEUS_KINDS });

/** Everybody who might come, by name; `release` is the release's own name. */
function peopleOf(list: readonly KubeObject[], release = 'converge') {
  const relay = podOf(pick(list, 'Deployment', release));
  const pod = (labels: Readonly<Record<string, string>>, namespace = relay.namespace): NetworkPod => ({
    namespace,
    namespaceLabels: { 'kubernetes.io/metadata.name': namespace },
    labels,
    ports: {},
  });
  const find = (kind: string, name: string) =>
    list.find((object) => object.kind === kind && object.metadata.name === name);
  const redis = find('Deployment', `${release}-redis`);
  const check = find('Pod', `${release}-test`);
  return {
    relay,
    redis: redis === undefined ? undefined : podOf(redis),
    comers: {
      relay,
      'the test of the release': check === undefined ? pod({}) : podOf(check),
      'a relay of another release': pod({ ...relay.labels, 'app.kubernetes.io/instance': 'other' }),
      'a pod beside it': pod({ app: 'x' }),
      monitoring: pod({ app: 'prometheus' }, 'monitoring'),
      'an ingress': pod({ app: 'ingress' }, 'ingress'),
      'a pod elsewhere that looks like a relay': pod(relay.labels, 'elsewhere'),
      'the world': { ip: '192.0.2.1' },
    } satisfies Record<string, NetworkPod | Outsider>,
  };
}

type Access = Readonly<Record<string, readonly string[]>>;

/** What each may reach. */
function accessOf(list: readonly KubeObject[], release?: string): Access {
  const { relay, redis, comers } = peopleOf(list, release);
  const reach = (from: NetworkPod | Outsider): string[] => [
    ...Object.entries(PORTS)
      .filter(([, port]) => mayReach(list, from, relay, port))
      .map(([name]) => name),
    ...(redis !== undefined && mayReach(list, from, redis, REDIS) ? ['redis'] : []),
  ];
  const world = comers['the world'];
  return {
    ...Object.fromEntries(Object.entries(comers).map(([name, from]) => [name, reach(from)])),
    redis:
      redis === undefined
        ? []
        : [...reach(redis), ...(mayReach(list, redis, world, 443) ? ['the world'] : [])],
    'relay, outwards': mayReach(list, relay, world, 443) ? ['the world'] : [],
    'the world, to a pod beside it': mayReach(list, world, comers['a pod beside it'], 443) ? ['all'] : [],
  };
}

const CLOSED: Access = {
  relay: ['public', 'internal', 'redis'],
  'the test of the release': ['public'],
  'a relay of another release': ['public'],
  'a pod beside it': ['public'],
  monitoring: ['public', 'internal'],
  'an ingress': ['public'],
  'a pod elsewhere that looks like a relay': ['public'],
  'the world': ['public'],
  redis: [],
  'relay, outwards': ['the world'],
  'the world, to a pod beside it': ['all'],
};

describe('the network of a release', () => {
  test('is closed but for what each needs', () => {
    expect(accessOf(objects)).toEqual(CLOSED);
  });

  const external = { redis: { builtin: { enabled: false }, external: { url: 'redis://redis.example.com' } } };
  test.each<[string, Rendering]>([
    ['another name', { release: 'blue', values: { fullnameOverride: 'blue' } }],
    ['TLS in the relay', { values: { relay: { tlsSecret: 'tls' } } }],
    ['labels on the pods', { values: { podLabels: { team: 'ci' } } }],
  ])('is the same with %s', async (_, rendering) => {
    expect(accessOf(await render(rendering), rendering.release)).toEqual(CLOSED);
  });

  test('has no Redis to close where that is somebody else’s', async () => {
    const access = accessOf(await render({ values: external }));
    expect(access).toEqual({ ...CLOSED, relay: ['public', 'internal'] });
  });

  test('lets in the namespaces that are named, nobody by null, and everybody if that is asked for', async () => {
    const select = async (selector: object | null) => {
      const networkPolicy = { monitoringNamespaceSelector: selector };
      const list = await render({ values: { networkPolicy } });
      const { relay, comers } = peopleOf(list);
      const prometheus = { ...comers.monitoring, namespaceLabels: { team: 'sre' } };
      return [comers.monitoring, prometheus, comers['an ingress']].map((from) =>
        mayReach(list, from, relay, PORTS.internal),
      );
    };
    const matchLabels = { 'kubernetes.io/metadata.name': null, team: 'sre' };
    expect(await select({ matchLabels })).toEqual([false, true, false]);
    expect(await select(null)).toEqual([false, false, false]);
    expect(await select({ matchLabels: null })).toEqual([true, true, true]);
  });

  test('lets only the ingress and the test of the release in where the ingress is named', async () => {
    const ingressNamespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': 'ingress' } };
    const access = accessOf(
      await render({ kinds: PROMETHEUS_KINDS, values: { networkPolicy: { ingressNamespaceSelector } } }),
    );
    expect(access).toEqual({
      ...CLOSED,
      relay: ['internal', 'redis'],
      'a relay of another release': [],
      'a pod beside it': [],
      monitoring: ['internal'],
      'a pod elsewhere that looks like a relay': [],
      'the world': [],
    });
  });

  test('is open where policies are not wanted', async () => {
    const access = accessOf(await render({ values: { networkPolicy: { enabled: false } } }));
    expect(access['the world']).toEqual(['public', 'internal', 'other', 'redis']);
  });
});

test('Prometheus finds the port that it may reach, on the pods that there are', () => {
  const monitor = pick(objects, 'PodMonitor');
  const { relay } = peopleOf(objects);
  expect(at(monitor, 'spec.podMetricsEndpoints')).toEqual([
    { port: 'internal', path: '/metrics', interval: '15s' },
  ]);
  expect(relay.ports['internal']).toBe(PORTS.internal);
  expect(relay.labels).toMatchObject(at(monitor, 'spec.selector.matchLabels') as object);
  // Else the alerts' job would be another one.
  expect(at(monitor, 'spec.jobLabel')).toBeUndefined();
  expect(at(monitor, 'spec.namespaceSelector')).toBeUndefined();
});

// Each is a fault that somebody could make in a template.
describe('the table notices', () => {
  type Spec = Record<string, unknown> & { ingress: { ports?: unknown[]; from?: object[] }[] };
  const relayPolicy = (change: (spec: Spec) => void) => ['converge', change] as const;
  const redisPolicy = (change: (spec: Spec) => void) => ['converge-redis', change] as const;

  test.each<[string, readonly [policy: string, change: (spec: Spec) => void]]>([
    ['a public port that is closed', relayPolicy((spec) => spec.ingress.shift())],
    [
      'a public port that is closed to the world',
      relayPolicy((spec) => set(spec, 'ingress.0.from', [{ podSelector: {} }])),
    ],
    [
      'a public port of another name',
      relayPolicy((spec) => set(spec, 'ingress.0.ports', [{ port: 'http' }])),
    ],
    ['all ports in place of the public one', relayPolicy((spec) => delete spec.ingress[0]?.ports)],
    ['an internal port that is open to all', relayPolicy((spec) => delete spec.ingress[1]?.from)],
    ['an internal port that is open to nobody', relayPolicy((spec) => spec.ingress.pop())],
    [
      'an internal port of another number',
      relayPolicy((spec) => set(spec, 'ingress.1.ports', [{ port: 9091 }])),
    ],
    ['all ports in place of the internal one', relayPolicy((spec) => delete spec.ingress[1]?.ports)],
    ['relays that are not let in', relayPolicy((spec) => spec.ingress[1]?.from?.shift())],
    [
      'any relay of the cluster that is let in',
      relayPolicy((spec) => set(spec, 'ingress.1.from.0.namespaceSelector', {})),
    ],
    [
      'a relay of any release that is let in',
      relayPolicy((spec) =>
        set(spec, 'ingress.1.from.0.podSelector.matchLabels', { 'app.kubernetes.io/component': 'relay' }),
      ),
    ],
    ['monitoring that is not let in', relayPolicy((spec) => spec.ingress[1]?.from?.pop())],
    [
      'every namespace that is let in',
      relayPolicy((spec) => set(spec, 'ingress.1.from.1.namespaceSelector', {})),
    ],
    [
      'a selector of pods where one of namespaces should be',
      relayPolicy((spec) => set(spec, 'ingress.1.from.1', { podSelector: {} })),
    ],
    [
      'a policy that selects no relay',
      relayPolicy((spec) => set(spec, 'podSelector.matchLabels', { app: 'x' })),
    ],
    ['a policy of relays that selects all pods', relayPolicy((spec) => set(spec, 'podSelector', {}))],
    ['a policy that is not for what comes in', relayPolicy((spec) => set(spec, 'policyTypes', ['Egress']))],
    ['relays that reach nobody', relayPolicy((spec) => set(spec, 'policyTypes', ['Ingress', 'Egress']))],
    ['a Redis that everybody reaches', redisPolicy((spec) => delete spec.ingress[0]?.from)],
    [
      'a Redis that the namespace reaches',
      redisPolicy((spec) => set(spec, 'ingress.0.from', [{ podSelector: {} }])),
    ],
    ['a Redis that nobody reaches', redisPolicy((spec) => spec.ingress.pop())],
    [
      'a Redis port of another name',
      redisPolicy((spec) => set(spec, 'ingress.0.ports', [{ port: 'public' }])),
    ],
    ['a Redis that reaches the world', redisPolicy((spec) => set(spec, 'egress', [{}]))],
    [
      'a Redis whose way out is nobody’s business',
      redisPolicy((spec) => set(spec, 'policyTypes', ['Ingress'])),
    ],
    [
      'a policy that selects no Redis',
      redisPolicy((spec) => set(spec, 'podSelector.matchLabels', { app: 'x' })),
    ],
  ])('%s', (_, [name, change]) => {
    const broken = structuredClone(objects) as KubeObject[];
    change(pick(broken, 'NetworkPolicy', name)['spec'] as Spec);
    expect(accessOf(broken)).not.toEqual(CLOSED);
  });

  test.each(['converge', 'converge-redis'])('that the policy %s is missing', (name) => {
    const rest = objects.filter(({ kind, metadata }) => kind !== 'NetworkPolicy' || metadata.name !== name);
    expect(rest).toHaveLength(objects.length - 1);
    expect(accessOf(rest)).not.toEqual(CLOSED);
  });

  test('that a container port has another name', () => {
    const broken = structuredClone(objects) as KubeObject[];
    const container = at(pick(broken, 'Deployment'), 'spec.template.spec.containers.0') as {
      ports: { name: string }[];
    };
    for (const port of container.ports) port.name = `the-${port.name}`;
    expect(accessOf(broken)).not.toEqual(CLOSED);
  });
});

function set(spec: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  (at({ spec }, ['spec', ...keys].join('.')) as Record<string, unknown>)[last] = value;
}
