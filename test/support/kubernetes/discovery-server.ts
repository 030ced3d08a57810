// A stand-in for an API server that knows kinds and holds next to nothing: enough for `kubectl apply --dry-run=client`,
// which asks what is where before it does anything, and for Helm's `lookup`.
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** Plural names are what an API server would say; `false` marks kinds outside of any namespace. */
const KINDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  v1: {
    ConfigMap: 'configmaps',
    Pod: 'pods',
    Secret: 'secrets',
    Service: 'services',
    ServiceAccount: 'serviceaccounts',
  },
  'apps/v1': { Deployment: 'deployments' },
  'autoscaling/v2': { HorizontalPodAutoscaler: 'horizontalpodautoscalers' },
  'cloud.google.com/v1': { BackendConfig: 'backendconfigs' },
  'gateway.networking.k8s.io/v1': { HTTPRoute: 'httproutes' },
  'monitoring.coreos.com/v1': { PodMonitor: 'podmonitors', PrometheusRule: 'prometheusrules' },
  'networking.gke.io/v1': {
    GCPBackendPolicy: 'gcpbackendpolicies',
    HealthCheckPolicy: 'healthcheckpolicies',
  },
  'networking.k8s.io/v1': { Ingress: 'ingresses', NetworkPolicy: 'networkpolicies' },
  'policy/v1': { PodDisruptionBudget: 'poddisruptionbudgets' },
  'rbac.authorization.k8s.io/v1': { Role: 'roles', RoleBinding: 'rolebindings' },
};

export interface DiscoveryServer extends AsyncDisposable {
  readonly url: string;
}

/** `held`: path to object. */
export async function startDiscoveryServer(
  held: Readonly<Record<string, object>> = {},
): Promise<DiscoveryServer> {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://server');
    const body = held[pathname] ?? answer(pathname);
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? NOT_FOUND));
  });
  server.listen(0, '127.0.0.1');
  await new Promise<void>((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const NOT_FOUND = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason: 'NotFound',
  message: 'there is nothing here',
  code: 404,
};

function answer(path: string): object | undefined {
  if (path === '/version') return { major: '1', minor: '35', gitVersion: 'v1.35.0' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups() };
  const version = /^\/(?:api|apis)\/(v1|[^/]+\/v\d)$/.exec(path)?.[1];
  const kinds = version === undefined ? undefined : KINDS[version];
  if (version === undefined || kinds === undefined) return undefined;
  const resources = Object.entries(kinds).map(([kind, name]) => ({
    name,
    singularName: kind.toLowerCase(),
    kind,
    namespaced: true,
    verbs: ['create', 'get', 'list', 'patch', 'update'],
  }));
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: version, resources };
}

function groups(): object[] {
  return Object.keys(KINDS)
    .filter((version) => version.includes('/'))
    .map((groupVersion) => {
      const [name = '', version = ''] = groupVersion.split('/');
      return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } };
    });
}
