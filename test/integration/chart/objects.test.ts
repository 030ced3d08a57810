// What the chart promises, object by object.
import { describe, expect, test } from 'vitest';
import { configTable } from '../../../services/relay/config-variables.ts';
import {
  at,
  type KubeObject,
  PROMETHEUS_KINDS,
  pick,
  render,
  tryRender,
} from '../../support/kubernetes/chart.ts';
import { startDiscoveryServer } from '../../support/kubernetes/discovery-server.ts';
import { findModelFaults } from '../../support/kubernetes/kubernetes-models.ts';

const objects = await render({ kinds: PROMETHEUS_KINDS });
const deployment = pick(objects, 'Deployment');
const POD = 'spec.template.spec';
const CONTAINER = `${POD}.containers.0`;
const RELAY_VARIABLES = [...configTable().matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name ?? '');
const RELAY_PODS = {
  'app.kubernetes.io/name': 'converge',
  'app.kubernetes.io/instance': 'converge',
  'app.kubernetes.io/component': 'relay',
};

/** Of an object that the release has made before; Helm takes no other. */
const HELM_OWNED = {
  name: 'converge',
  namespace: 'relays',
  labels: { 'app.kubernetes.io/managed-by': 'Helm' },
  annotations: { 'meta.helm.sh/release-name': 'converge', 'meta.helm.sh/release-namespace': 'relays' },
};

describe('the relay pods', () => {
  test('are probed on the internal listener, and out of service before the first goodbye, but not for one late answer', () => {
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
      expect(at(deployment, `${CONTAINER}.${probe}.httpGet.port`)).toBe('internal');
    expect(at(deployment, `${CONTAINER}.readinessProbe.httpGet.path`)).toBe('/readyz');
    expect(at(deployment, `${CONTAINER}.livenessProbe.httpGet.path`)).toBe('/healthz');
    const { periodSeconds, failureThreshold } = at(deployment, `${CONTAINER}.readinessProbe`) as Record<
      string,
      number
    >;
    const delay = Number(env(deployment, 'DRAIN_DELAY_SECONDS')?.['value']);
    expect((periodSeconds ?? 99) * (failureThreshold ?? 99)).toBeLessThan(delay);
    expect(failureThreshold).toBeGreaterThan(1);
  });

  test('are replaced only after a new one is ready', () => {
    expect(at(deployment, 'spec.strategy.rollingUpdate.maxUnavailable')).toBe(0);
  });

  test('get the time of a drain and more', async () => {
    const grace = (object: KubeObject) => at(object, `${POD}.terminationGracePeriodSeconds`);
    expect(grace(deployment)).toBe(50);
    const relay = { drainDelaySeconds: 20, drainTimeoutSeconds: 100 };
    expect(grace(pick(await render({ values: { relay } }), 'Deployment'))).toBe(135);
    const given = { ...relay, terminationGracePeriodSeconds: 120 };
    expect(grace(pick(await render({ values: { relay: given } }), 'Deployment'))).toBe(120);
  });

  test('are spread over zones and nodes', () => {
    const constraints = at(deployment, `${POD}.topologySpreadConstraints`) as Record<string, unknown>[];
    expect(constraints.map(({ topologyKey }) => topologyKey)).toEqual([
      'topology.kubernetes.io/zone',
      'kubernetes.io/hostname',
    ]);
    for (const constraint of constraints) {
      expect(at(constraint, 'labelSelector.matchLabels')).toEqual(RELAY_PODS);
      expect(constraint['whenUnsatisfiable']).toBe('ScheduleAnyway');
    }
  });

  test('know who they are from the downward API, and nothing from service links', () => {
    expect(at(deployment, `${POD}.enableServiceLinks`)).toBe(false);
    expect(at(env(deployment, 'POD_ID'), 'valueFrom.fieldRef.fieldPath')).toBe('metadata.name');
    expect(at(env(deployment, 'POD_IP'), 'valueFrom.fieldRef.fieldPath')).toBe('status.podIP');
    expect(env(deployment, 'POD_ADDRESS')?.['value']).toBe('$(POD_IP):9090');
    const names = envNames(deployment);
    expect(names.indexOf('POD_IP')).toBeLessThan(names.indexOf('POD_ADDRESS'));
  });

  test('put brackets around an IPv6 address', async () => {
    const ipv6 = pick(await render({ values: { relay: { ipv6: true } } }), 'Deployment');
    expect(env(ipv6, 'POD_ADDRESS')?.['value']).toBe('[$(POD_IP)]:9090');
    expect(env(ipv6, 'HOST')?.['value']).toBe('::');
  });

  test('restart when the configuration that they read at start changes, and not otherwise', async () => {
    const sum = async (values: object) =>
      at(pick(await render({ values }), 'Deployment'), 'spec.template.metadata.annotations.checksum/config');
    const plain = await sum({});
    expect(await sum({ replicas: 5 })).toBe(plain);
    expect(await sum({ clusterSecret: { value: 'x'.repeat(32) } })).not.toBe(plain);
    expect(await sum({ relay: { tlsSecret: 'tls' } })).not.toBe(plain);
  });

  test('set no variable that the relay does not know', () => {
    const forOthers = ['POD_IP', 'REDIS_PASSWORD', 'NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS'];
    const known = [...RELAY_VARIABLES, ...forOthers];
    expect(envNames(deployment).filter((name) => !known.includes(name))).toEqual([]);
  });

  test.each(RELAY_VARIABLES)('take %s from the chart alone, not from relay.extraEnv too', async (name) => {
    const result = await tryRender({ values: { relay: { extraEnv: [{ name, value: 'x' }] } } });
    expect(result.kind === 'refused' ? result.message : '').toContain(`relay.extraEnv sets ${name}`);
  });

  test('take the Redis from one place, and start without none', async () => {
    expect(env(deployment, 'REDIS_URL')?.['value']).toBe('redis://:$(REDIS_PASSWORD)@converge-redis:6379');
    const names = envNames(deployment);
    expect(names.indexOf('REDIS_PASSWORD')).toBeLessThan(names.indexOf('REDIS_URL'));
    const sentinel = pick(await render({ sets: ['redis-sentinel'] }), 'Deployment');
    expect(at(env(sentinel, 'REDIS_URL'), 'valueFrom.secretKeyRef')).toEqual({
      name: 'converge-redis',
      key: 'redis-url',
    });
    expect(env(sentinel, 'NODE_EXTRA_CA_CERTS')?.['value']).toBe('/etc/converge/redis-ca/ca.crt');
    const single = pick(await render({ sets: ['single'] }), 'Deployment');
    expect(env(single, 'REDIS_URL')).toBeUndefined();
  });

  test('give their heap a share of the memory that they may have, unless told otherwise', async () => {
    const name = 'NODE_OPTIONS';
    expect(env(deployment, name)?.['value']).toBe('--max-old-space-size-percentage=70');
    const unlimited = await render({ values: { resources: { limits: { memory: null } } } });
    expect(env(pick(unlimited, 'Deployment'), name)).toBeUndefined();
    const own = await render({
      values: { relay: { extraEnv: [{ name, value: '--heapsnapshot-signal=SIGUSR2' }] } },
    });
    expect(envNames(pick(own, 'Deployment')).filter((each) => each === name)).toHaveLength(1);
  });

  test('say themselves that the cluster secret is missing, instead of never starting', () => {
    expect(at(env(deployment, 'CLUSTER_SECRET'), 'valueFrom.secretKeyRef.optional')).toBe(true);
  });
});

describe('every pod', () => {
  test('is the same pod with another version of the chart, unless its image is another', () => {
    for (const name of ['converge', 'converge-redis']) {
      const labels = Object.keys(
        at(pick(objects, 'Deployment', name), 'spec.template.metadata.labels') as object,
      );
      expect(labels).not.toContain('helm.sh/chart');
      expect(labels).not.toContain('app.kubernetes.io/version');
    }
  });

  test('runs the image that a digest names, whatever the tag, if one is given', async () => {
    const relay = `sha256:${'a'.repeat(64)}`;
    const redis = `sha256:${'b'.repeat(64)}`;
    const values = { image: { tag: '9.9', digest: relay }, redis: { builtin: { image: { digest: redis } } } };
    const rendered = await render({ values });
    const imageOf = (kind: string, name: string, path: string) => at(pick(rendered, kind, name), path);
    expect(imageOf('Deployment', 'converge', `${CONTAINER}.image`)).toBe(`converge@${relay}`);
    expect(imageOf('Pod', 'converge-test', 'spec.containers.0.image')).toBe(`converge@${relay}`);
    expect(imageOf('Deployment', 'converge-redis', `${CONTAINER}.image`)).toBe(`redis@${redis}`);
    expect(at(pick(objects, 'Deployment', 'converge-redis'), `${CONTAINER}.image`)).toBe('redis:7-bookworm');
  });

  test('goes where the others go', async () => {
    const tolerations = [{ key: 'ci', operator: 'Exists' }];
    const values = { nodeSelector: { pool: 'ci' }, tolerations, imagePullSecrets: [{ name: 'pull' }] };
    const rendered = await render({ values });
    const specs = [
      at(pick(rendered, 'Deployment'), POD),
      at(pick(rendered, 'Deployment', 'converge-redis'), POD),
      pick(rendered, 'Pod', 'converge-test')['spec'],
    ];
    for (const spec of specs) expect(spec).toMatchObject(values);
  });

  test('meets the restricted Pod Security Standard and cannot write to its root', () => {
    const pods = objects
      .map((object) => (object.kind === 'Pod' ? object['spec'] : at(object, POD)))
      .filter((spec) => spec !== undefined);
    expect(pods).toHaveLength(3);
    for (const pod of pods) {
      expect(at(pod, 'securityContext.runAsNonRoot')).toBe(true);
      expect(at(pod, 'securityContext.runAsUser')).toBeGreaterThan(0);
      expect(at(pod, 'securityContext.seccompProfile.type')).toBe('RuntimeDefault');
      expect(at(pod, 'enableServiceLinks')).toBe(false);
      expect(at(pod, 'containers.0.securityContext')).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(at(pod, 'containers.0.resources.limits.memory')).toBeDefined();
    }
  });

  test('has a token only if it talks to the API server', async () => {
    const token = (list: readonly KubeObject[], name: string) =>
      at(pick(list, 'Deployment', name), `${POD}.automountServiceAccountToken`);
    expect(token(objects, 'converge')).toBe(true);
    expect(token(objects, 'converge-redis')).toBe(false);
    expect(token(await render({ sets: ['single'] }), 'converge')).toBe(false);
  });
});

describe('what leads to the pods', () => {
  test('is the public port for people, and the internal one for the pods alone', () => {
    const service = pick(objects, 'Service');
    expect(at(service, 'spec.ports')).toEqual([{ name: 'http', port: 80, targetPort: 'public' }]);
    expect(at(service, 'spec.selector')).toEqual(RELAY_PODS);
    const internal = pick(objects, 'Service', 'converge-internal');
    expect(at(internal, 'spec.clusterIP')).toBe('None');
    expect(at(internal, 'spec.publishNotReadyAddresses')).toBe(true);
    expect(at(internal, 'spec.ports.0.name')).toBe('internal');
    expect(env(deployment, 'KUBERNETES_SERVICE_NAME')?.['value']).toBe('converge-internal');
  });

  test.each(['traefik', 'haproxy', 'aws-alb', 'gke-ingress'])('is an Ingress with %s', async (set) => {
    const rendered = await render({ sets: [set] });
    const ingress = pick(rendered, 'Ingress');
    expect(at(ingress, 'spec.rules.0.host')).toBe('converge.example.com');
    expect(at(ingress, 'spec.rules.0.http.paths.0.backend.service')).toEqual({
      name: 'converge',
      port: { number: 80 },
    });
    const relay = pick(rendered, 'Deployment');
    expect(env(relay, 'PUBLIC_URL')?.['value']).toBe('https://converge.example.com');
    // Google's balancers append their own address behind the client's.
    expect(env(relay, 'TRUST_PROXY')?.['value']).toBe(set === 'gke-ingress' ? '2' : 'uniquelocal');
  });

  test.each(['gateway', 'gke'])('is an HTTPRoute with %s', async (set) => {
    const rendered = await render({ sets: [set] });
    const route = pick(rendered, 'HTTPRoute');
    expect(at(route, 'spec.hostnames')).toEqual(['converge.example.com']);
    expect(at(route, 'spec.rules.0.backendRefs.0')).toEqual({ name: 'converge', port: 80 });
    expect(at(route, 'spec.rules.0.timeouts')).toEqual(set === 'gke' ? undefined : { request: '0s' });
    expect(env(pick(rendered, 'Deployment'), 'PUBLIC_URL')?.['value']).toBe('https://converge.example.com');
  });

  test('lives longer than the 30 s of GKE and the 60 s of an ALB', async () => {
    const policy = pick(await render({ sets: ['gke'] }), 'GCPBackendPolicy');
    expect(at(policy, 'spec.default.timeoutSec')).toBe(86_400);
    expect(at(policy, 'spec.targetRef.name')).toBe('converge');
    const config = pick(await render({ sets: ['gke-ingress'] }), 'BackendConfig');
    expect(at(config, 'spec.timeoutSec')).toBe(86_400);
    const attribute = 'alb.ingress.kubernetes.io/load-balancer-attributes';
    const alb = pick(await render({ sets: ['aws-alb'] }), 'Ingress').metadata.annotations;
    expect(alb?.[attribute]).toBe('idle_timeout.timeout_seconds=120');
  });

  test('is said to be https only where that is known; else each request says what it is', async () => {
    const publicUrl = async (ingress: object) => {
      const relay = pick(
        await render({ values: { ingress: { enabled: true, host: 'a.example.com', ...ingress } } }),
        'Deployment',
      );
      expect(env(relay, 'TRUST_PROXY')?.['value']).toBe('false');
      return env(relay, 'PUBLIC_URL')?.['value'];
    };
    expect(await publicUrl({ tls: { secretName: 'cert' } })).toBe('https://a.example.com');
    expect(await publicUrl({})).toBeUndefined();
  });

  test('has a terminal page unless it is told not to, and the origins of those that lie elsewhere', async () => {
    const told = async (relay: object) => {
      const deployment = pick(await render({ values: { relay } }), 'Deployment');
      return ['TERMINAL', 'TERMINAL_ORIGINS'].map((name) => env(deployment, name)?.['value']);
    };
    expect(await told({})).toEqual(['on', undefined]);
    expect(await told({ terminal: false, terminalOrigins: ['https://a.example.com', 'null'] })).toEqual([
      'off',
      'https://a.example.com,null',
    ]);
    await expect(told({ terminalOrigins: ['https://a.example.com/path'] })).rejects.toThrow(
      /terminalOrigins/,
    );
  });

  test('believes the proxies that it is told to, however YAML reads that', async () => {
    const told = async (trustProxy: unknown) =>
      env(
        pick(await render({ sets: ['gateway'], values: { relay: { trustProxy } } }), 'Deployment'),
        'TRUST_PROXY',
      )?.['value'];
    expect(await told(2)).toBe('2');
    expect(await told(false)).toBe('false');
    expect(await told(0)).toBe('0');
    expect(await told('10.0.0.0/8, uniquelocal')).toBe('10.0.0.0/8, uniquelocal');
    // Where others than the gateway may come, private addresses are anybody's.
    expect(await told('')).toBe('false');
  });

  test('believes private addresses by itself where only the ingress may come', async () => {
    const ingressNamespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': 'ingress' } };
    const told = async (values: object) =>
      env(pick(await render({ sets: ['gateway'], values }), 'Deployment'), 'TRUST_PROXY')?.['value'];
    expect(await told({ networkPolicy: { ingressNamespaceSelector } })).toBe('uniquelocal');
    const relay = { trustProxy: '10.42.0.0/16' };
    expect(await told({ networkPolicy: { ingressNamespaceSelector }, relay })).toBe('10.42.0.0/16');
    expect(await told({})).toBe('false');
  });

  test('takes the PROXY protocol from the balancers that are named, else from nobody', async () => {
    const named = async (values: object) =>
      env(pick(await render({ values }), 'Deployment'), 'PROXY_PROTOCOL_FROM')?.['value'];
    expect(await named({})).toBeUndefined();
    expect(await named({ relay: { proxyProtocolFrom: '10.0.0.0/8, fd00::/8' } })).toBe(
      '10.0.0.0/8, fd00::/8',
    );
  });

  test('has what else a Service may need', async () => {
    const extraSpec = { externalTrafficPolicy: 'Local', loadBalancerSourceRanges: ['192.0.2.0/24'] };
    const service = pick(
      await render({ values: { service: { type: 'LoadBalancer', extraSpec } } }),
      'Service',
    );
    expect(service['spec']).toMatchObject({ type: 'LoadBalancer', ...extraSpec });
    expect(findModelFaults(service)).toEqual([]);
  });

  test('believes no proxy where there is none', () => {
    expect(env(deployment, 'TRUST_PROXY')?.['value']).toBe('false');
    expect(env(deployment, 'PUBLIC_URL')).toBeUndefined();
  });

  test('never names one controller in a template', async () => {
    const { readFile, readdir } = await import('node:fs/promises');
    const folder = new URL('../../../deploy/helm/converge/templates/', import.meta.url);
    for (const file of await readdir(folder)) {
      if (!file.includes('.')) continue;
      const text = await readFile(new URL(file, folder), 'utf8');
      expect(text).not.toMatch(/nginx|traefik|haproxy|\balb\b|gke/i);
    }
  });
});

describe('who may reach what', () => {
  test('the internal port: relay pods and the monitoring namespace', () => {
    const rules = at(pick(objects, 'NetworkPolicy'), 'spec.ingress') as Record<string, unknown>[];
    expect(rules).toEqual([
      { ports: [{ port: 'public' }] },
      {
        ports: [{ port: 'internal' }],
        from: [
          { podSelector: { matchLabels: RELAY_PODS } },
          { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
        ],
      },
    ]);
  });

  test('Redis: relay pods, and it reaches nobody', () => {
    const policy = pick(objects, 'NetworkPolicy', 'converge-redis');
    expect(at(policy, 'spec.ingress')).toEqual([
      { ports: [{ port: 'redis' }], from: [{ podSelector: { matchLabels: RELAY_PODS } }] },
    ]);
    expect(at(policy, 'spec.egress')).toEqual([]);
    expect(at(policy, 'spec.policyTypes')).toEqual(['Ingress', 'Egress']);
  });

  test('the pods of the test and of Redis are no relay pods', () => {
    for (const labels of [
      pick(objects, 'Pod', 'converge-test').metadata.labels,
      at(pick(objects, 'Deployment', 'converge-redis'), 'spec.template.metadata.labels'),
    ]) {
      expect(labels).toMatchObject({ 'app.kubernetes.io/instance': 'converge' });
      expect((labels as Record<string, string>)['app.kubernetes.io/component']).not.toBe('relay');
    }
  });

  test('the API server: endpoint slices to read, and nothing else, in this namespace', async () => {
    const reading = [
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
    ];
    expect(pick(objects, 'Role')['rules']).toEqual(reading);
    expect(env(deployment, 'POD_DELETION_COST')?.['value']).toBe('false');
    expect(objects.map(({ kind }) => kind).filter((kind) => kind.startsWith('ClusterRole'))).toEqual([]);
    expect(pick(objects, 'ServiceAccount')['automountServiceAccountToken']).toBe(false);
    const writing = await render({ values: { kubernetes: { deletionCost: true } } });
    expect(pick(writing, 'Role')['rules']).toEqual([
      ...reading,
      { apiGroups: [''], resources: ['pods'], verbs: ['patch'] },
    ]);
    expect(env(pick(writing, 'Deployment'), 'POD_DELETION_COST')?.['value']).toBe('true');
    const without = await render({ sets: ['single'] });
    expect(without.map(({ kind }) => kind)).not.toContain('Role');
  });

  test('what the Role cannot say a policy does, where the cluster knows such: which pod, and what of it', async () => {
    const kinds = ['admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy'];
    const kubernetes = { deletionCost: true };
    const rendered = await render({ values: { kubernetes }, kinds });
    const policy = pick(rendered, 'ValidatingAdmissionPolicy', 'relays-converge');
    expect(policy.metadata).not.toHaveProperty('namespace');
    expect(at(policy, 'spec.failurePolicy')).toBe('Fail');
    // Nobody but the relays of this release is judged by it, or a mistake in it would stop the namespace.
    const account = pick(rendered, 'ServiceAccount').metadata;
    expect(at(policy, 'spec.matchConditions.0.expression')).toBe(
      `request.userInfo.username == "system:serviceaccount:${account.namespace}:${account.name}"`,
    );
    const binding = pick(rendered, 'ValidatingAdmissionPolicyBinding', 'relays-converge');
    expect(binding['spec']).toEqual({ policyName: policy.metadata.name, validationActions: ['Deny'] });

    const kindsOf = async (values: object, known: readonly string[]) =>
      (await render({ values: { kubernetes: values }, kinds: known })).map(({ kind }) => kind);
    expect(await kindsOf({}, kinds)).not.toContain('ValidatingAdmissionPolicy');
    expect(await kindsOf(kubernetes, [])).not.toContain('ValidatingAdmissionPolicy');
    const off = { ...kubernetes, deletionCostPolicy: false };
    expect(await kindsOf(off, kinds)).not.toContain('ValidatingAdmissionPolicyBinding');
    expect(await kindsOf({ ...kubernetes, deletionCostPolicy: true }, [])).toContain(
      'ValidatingAdmissionPolicy',
    );
  });
});

describe('scaling and disruption', () => {
  test('an autoscaler takes the replicas over, scales by three measures, and down slowly', async () => {
    const rendered = await render({ sets: ['autoscaling'] });
    expect(at(pick(rendered, 'Deployment'), 'spec.replicas')).toBeUndefined();
    expect(at(deployment, 'spec.replicas')).toBe(3);
    const scaler = pick(rendered, 'HorizontalPodAutoscaler');
    const metrics = at(scaler, 'spec.metrics') as Record<string, unknown>[];
    expect(metrics.map((metric) => at(metric, 'pods.metric.name') ?? at(metric, 'resource.name'))).toEqual([
      'cpu',
      'converge_agents',
      'converge_stream_bytes',
    ]);
    expect(at(metrics[2], 'pods.target.averageValue')).toBe('50000000');
    const drain = Number(at(pick(rendered, 'Deployment'), `${POD}.terminationGracePeriodSeconds`));
    expect(at(scaler, 'spec.behavior.scaleDown.policies.0.value')).toBe(1);
    expect(at(scaler, 'spec.behavior.scaleDown.policies.0.periodSeconds')).toBeGreaterThan(drain);
    expect(at(scaler, 'spec.behavior.scaleDown.stabilizationWindowSeconds')).toBeGreaterThanOrEqual(600);
  });

  test('turning the autoscaler on leaves as many pods as there are', async () => {
    await using server = await startDiscoveryServer({
      '/apis/apps/v1/namespaces/relays/deployments/converge': {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: HELM_OWNED,
        spec: { replicas: 7 },
      },
    });
    const upgraded = await render({ sets: ['autoscaling'], server: server.url });
    expect(at(pick(upgraded, 'Deployment'), 'spec.replicas')).toBe(7);
    const fixed = await render({ values: { replicas: 4 }, server: server.url });
    expect(at(pick(fixed, 'Deployment'), 'spec.replicas')).toBe(4);
  });

  test('a number that the autoscaler owns is left to it, or rolling back over it would be a conflict', async () => {
    const renderOver = async (...managedFields: object[]) => {
      await using server = await startDiscoveryServer({
        '/apis/apps/v1/namespaces/relays/deployments/converge': {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { ...HELM_OWNED, managedFields },
          spec: { replicas: 7 },
        },
      });
      const upgraded = await render({ sets: ['autoscaling'], server: server.url });
      return at(pick(upgraded, 'Deployment'), 'spec.replicas');
    };
    const applied = { manager: 'helm', operation: 'Apply' };
    const scaled = { manager: 'kube-controller-manager', operation: 'Update', subresource: 'scale' };
    expect(await renderOver(applied, scaled)).toBeUndefined();
    expect(await renderOver(applied)).toBe(7);
    // Helm 3 would take away what is left out.
    expect(await renderOver({ manager: 'helm', operation: 'Update' }, scaled)).toBe(7);
  });

  test('nodes can always be drained, one relay at a time', () => {
    const budget = pick(objects, 'PodDisruptionBudget');
    expect(at(budget, 'spec.maxUnavailable')).toBe(1);
    expect(at(budget, 'spec.minAvailable')).toBeUndefined();
    expect(at(budget, 'spec.selector.matchLabels')).toEqual(RELAY_PODS);
  });

  test('there is never a second Redis beside the first', () => {
    const redis = pick(objects, 'Deployment', 'converge-redis');
    expect(at(redis, 'spec.strategy.type')).toBe('Recreate');
    expect(at(redis, `${CONTAINER}.args`)).toEqual(expect.arrayContaining(['--requirepass', 'noeviction']));
  });
});

describe('secrets', () => {
  test('are made long enough, and fit into a URL', () => {
    const secret = decode(at(pick(objects, 'Secret'), 'data.cluster-secret'));
    expect(secret).toMatch(/^[A-Za-z0-9]{48}$/);
    expect(decode(at(pick(objects, 'Secret', 'converge-redis'), 'data.redis-password'))).toMatch(
      /^[A-Za-z0-9]{32}$/,
    );
  });

  test('survive upgrades: what the cluster has is kept, what it lacks is made', async () => {
    const cluster = Buffer.from('k'.repeat(48)).toString('base64');
    const path = '/api/v1/namespaces/relays/secrets/converge';
    const held = { apiVersion: 'v1', kind: 'Secret', metadata: HELM_OWNED };
    await using server = await startDiscoveryServer({
      [path]: { ...held, data: { 'cluster-secret': cluster } },
    });
    const upgraded = await render({ server: server.url });
    expect(at(pick(upgraded, 'Secret'), 'data.cluster-secret')).toBe(cluster);
    expect(decode(at(pick(upgraded, 'Secret', 'converge-redis'), 'data.redis-password'))).toHaveLength(32);

    await using emptied = await startDiscoveryServer({ [path]: held });
    const repaired = await render({ server: emptied.url });
    expect(decode(at(pick(repaired, 'Secret'), 'data.cluster-secret'))).toHaveLength(48);
  });

  test('are yours where you name them, under your keys', async () => {
    const rendered = await render({
      values: {
        clusterSecret: { existingSecret: 'mine', existingSecretKey: 'a' },
        redis: { builtin: { existingSecret: 'theirs', existingSecretKey: 'b' } },
      },
    });
    expect(rendered.map(({ kind }) => kind)).not.toContain('Secret');
    const relay = pick(rendered, 'Deployment');
    expect(at(env(relay, 'CLUSTER_SECRET'), 'valueFrom.secretKeyRef')).toMatchObject({
      name: 'mine',
      key: 'a',
    });
    expect(at(env(relay, 'REDIS_PASSWORD'), 'valueFrom.secretKeyRef')).toEqual({ name: 'theirs', key: 'b' });
  });

  test('two of them are taken while one is rotated', async () => {
    const value = `${'n'.repeat(32)},${'o'.repeat(32)}`;
    const rendered = await render({ values: { clusterSecret: { value } } });
    expect(decode(at(pick(rendered, 'Secret'), 'data.cluster-secret'))).toBe(value);
  });
});

test('names follow the release, and labels tell releases apart', async () => {
  const other = await render({ release: 'blue', kinds: PROMETHEUS_KINDS });
  for (const { metadata, kind } of other) {
    expect(metadata.name, kind).toMatch(/^blue-converge/);
    expect(metadata.namespace, kind).toBe('relays');
    expect(metadata.labels?.['app.kubernetes.io/instance']).toBe('blue');
  }
});

test('helm test opens a session through the Service', () => {
  const pod = pick(objects, 'Pod', 'converge-test');
  expect(pod.metadata.annotations?.['helm.sh/hook']).toBe('test');
  expect(at(pod, 'spec.containers.0.command')).toEqual(['node', 'dist/relay/session-check.js']);
  expect(at(pod, 'spec.containers.0.args')).toEqual(['ws://converge:80']);
  expect(at(pod, 'spec.containers.0.image')).toBe(at(deployment, `${CONTAINER}.image`));
});

test('the check of fields notices what Kubernetes does not know', () => {
  const wrong = structuredClone(deployment) as unknown as { spec: Record<string, unknown> };
  wrong.spec['replica'] = 3;
  wrong.spec['replicas'] = '3';
  expect(findModelFaults(wrong as unknown as KubeObject)).toEqual([
    'spec.replicas: "3" is not a number',
    'spec.replica: unknown field',
  ]);
});

function env(object: KubeObject, name: string): Record<string, unknown> | undefined {
  return (at(object, `${CONTAINER}.env`) as Record<string, unknown>[]).find(
    (entry) => entry['name'] === name,
  );
}

function envNames(object: KubeObject): string[] {
  return (at(object, `${CONTAINER}.env`) as { name: string }[]).map(({ name }) => name);
}

function decode(value: unknown): string {
  return Buffer.from(String(value), 'base64').toString();
}
