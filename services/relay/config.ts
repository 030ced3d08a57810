// The configuration: the relay's environment variables, checked all at once.
import { accessSync, constants } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { z } from 'zod';
import type { KubeClusterOptions } from './kubernetes/kube-cluster.ts';
import { parseRedisUrl, type RedisTarget } from './registry/redis-url.ts';

/** Key material shorter than this can be guessed; in characters. */
export const MIN_CLUSTER_SECRET_LENGTH = 32;

/** `HOST:PORT`, the host a name, an IPv4 or a bracketed IPv6 address. */
const ADDRESS_WITH_PORT_PATTERN = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):\d{1,5}$/;

const port = (name: string, fallback: number) =>
  z.coerce
    .number({ error: `${name} must be a port number` })
    .int()
    .min(0, `${name} must be a port number from 0 to 65535 (0: any free one)`)
    .max(65_535, `${name} must be a port number from 0 to 65535 (0: any free one)`)
    .default(fallback);

const seconds = (name: string, fallback: number) =>
  z.coerce
    .number({ error: `${name} must be a number of seconds` })
    .min(0, `${name} must be 0 or more seconds`)
    .max(86_400, `${name} must be at most 86400 seconds`)
    .default(fallback);

/** One entry per variable, in the order of the README's table. */
const SCHEMA = z.object({
  PORT: port('PORT', 8080).describe('public listener'),
  HOST: z.string().default('::').describe('address of both listeners'),
  INTERNAL_PORT: port('INTERNAL_PORT', 9090).describe('metrics and health; never exposed by an ingress'),
  REDIS_URL: z
    .string()
    .optional()
    .describe(
      'unset: the in-memory registry, for one pod. `redis://`, `rediss://`, and sentinel and cluster forms',
    ),
  POD_ID: z.string().max(253).default(hostname()).describe('who this pod is'),
  POD_ADDRESS: z
    .string()
    .regex(ADDRESS_WITH_PORT_PATTERN, 'POD_ADDRESS must be HOST:PORT')
    .optional()
    .describe('how other pods reach the internal listener of this one'),
  CLUSTER_SECRET: z
    .string()
    .optional()
    .describe(
      'seals tickets and signs what pods say to each other; 32 characters or more, required with REDIS_URL; ' +
        'while it is rotated, two: `NEW,OLD`',
    ),
  KUBERNETES_SERVICE_NAME: z
    .string()
    .optional()
    .describe(
      'the Service of the relay pods, with a port named `internal`: its endpoints are watched, so that vanished pods are known at once',
    ),
  POD_NAMESPACE: z
    .string()
    .optional()
    .describe('the namespace of this pod, required with KUBERNETES_SERVICE_NAME'),
  POD_DELETION_COST: z
    .enum(['true', 'false'], { error: 'POD_DELETION_COST must be true or false' })
    .default('false')
    .describe(
      'whether this pod tells Kubernetes how busy it is, so that scale-in takes the idlest; needs the right to patch pods',
    ),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'PUBLIC_URL must be http(s)://HOST' })
    .optional()
    .describe('what the usage page and the agents print'),
  TRUST_PROXY: z
    .string()
    .default('false')
    .describe("which proxies' `X-Forwarded-*` to believe: true, false, a number of hops, or addresses"),
  PROXY_PROTOCOL_FROM: z
    .string()
    .optional()
    .describe(
      'addresses of TCP balancers whose connections to the public listener begin with a PROXY protocol header, version 1 or 2',
    ),
  DRAIN_TIMEOUT_SECONDS: seconds('DRAIN_TIMEOUT_SECONDS', 30).describe(
    'how long sessions that cannot move may go on after SIGTERM',
  ),
  DRAIN_DELAY_SECONDS: seconds('DRAIN_DELAY_SECONDS', 5).describe(
    'from SIGTERM to the first goodbye, so that balancers notice first',
  ),
  TLS_CERT_FILE: z
    .string()
    .optional()
    .describe('the public listener speaks TLS with this certificate chain (PEM)'),
  TLS_KEY_FILE: z.string().optional().describe('its private key (PEM); both are reloaded when they change'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent',
    })
    .default('info')
    .describe('JSON lines on stdout'),
});

/** Defaults that depend on the machine, as the documentation names them. */
const DEFAULT_NAMES: Record<string, string> = {
  POD_ID: 'host name',
  POD_ADDRESS: '`127.0.0.1:INTERNAL_PORT`',
  CLUSTER_SECRET: 'random',
  PUBLIC_URL: 'from the request',
};

/** In the form that fastify takes: a number of hops becomes a function of the hop. */
export type TrustProxy = boolean | string[] | ((address: string, hop: number) => boolean);

export type KubernetesConfig = Pick<
  KubeClusterOptions,
  'access' | 'namespace' | 'service' | 'writesDeletionCost'
>;

export interface Config {
  readonly port: number;
  readonly host: string;
  readonly internalPort: number;
  /** Undefined: the registry is in memory. */
  readonly redis: RedisTarget | undefined;
  readonly kubernetes: KubernetesConfig | undefined;
  readonly podId: string;
  /** `HOST:PORT`; undefined: this machine, at the port that the internal listener got. */
  readonly podAddress: string | undefined;
  /** The one in use first. Undefined: a random one will do. */
  readonly clusterSecrets: readonly string[] | undefined;
  readonly publicUrl: URL | undefined;
  readonly trustProxy: TrustProxy;
  /** Addresses and ranges of TCP balancers that speak the PROXY protocol; none: nobody does. */
  readonly proxyProtocolFrom: readonly string[];
  readonly drainTimeoutMs: number;
  readonly drainDelayMs: number;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly logLevel: string;
}

export type ConfigResult =
  | { readonly kind: 'valid'; readonly config: Config }
  /** One sentence per fault, each naming its variable. */
  | { readonly kind: 'invalid'; readonly faults: readonly string[] };

/** Reads the configuration. An empty variable counts as unset, as compose files and charts leave them. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): ConfigResult {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = SCHEMA.safeParse(given);
  const faults = parsed.success ? [] : parsed.error.issues.map((issue) => describeFault(issue, given));
  const trustProxy = parseTrustProxy(given['TRUST_PROXY'] ?? 'false');
  if (trustProxy === undefined) {
    faults.push(
      `TRUST_PROXY: true, false, a number of hops or a comma-separated list of addresses, ${got(given['TRUST_PROXY'])}`,
    );
  }
  const proxyProtocolFrom = listFrom(given['PROXY_PROTOCOL_FROM']);
  if (!proxyProtocolFrom.every(isAddressRange)) {
    faults.push(
      `PROXY_PROTOCOL_FROM: must be a comma-separated list of addresses, ${got(given['PROXY_PROTOCOL_FROM'])}`,
    );
  }
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = given;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const missing = certFile === undefined ? 'TLS_CERT_FILE' : 'TLS_KEY_FILE';
    faults.push(`${missing}: must be set too, TLS needs both a certificate and its key`);
  }
  for (const [name, path] of Object.entries({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile })) {
    if (path !== undefined && !isReadable(path))
      faults.push(`${name}: must be a readable file, ${got(path)}`);
  }
  const redis = given['REDIS_URL'] === undefined ? undefined : parseRedisUrl(given['REDIS_URL']);
  if (redis?.kind === 'invalid') faults.push(`REDIS_URL: ${redis.fault}`);
  const kubernetes = kubernetesFrom(given, faults);
  const clusterSecrets = given['CLUSTER_SECRET']?.split(',').map((secret) => secret.trim());
  faults.push(...secretFaults(clusterSecrets, given['REDIS_URL'] !== undefined));
  const { PORT, INTERNAL_PORT } = given;
  if ((PORT ?? '8080') === (INTERNAL_PORT ?? '9090') && PORT !== '0') {
    faults.push(`INTERNAL_PORT: must differ from PORT, both are ${PORT ?? '8080'}`);
  }
  if (!parsed.success || trustProxy === undefined || faults.length > 0) return { kind: 'invalid', faults };
  const values = parsed.data;
  return {
    kind: 'valid',
    config: {
      port: values.PORT,
      host: values.HOST,
      internalPort: values.INTERNAL_PORT,
      redis: redis?.kind === 'valid' ? redis.target : undefined,
      kubernetes,
      podId: values.POD_ID,
      podAddress: values.POD_ADDRESS,
      clusterSecrets,
      publicUrl: values.PUBLIC_URL === undefined ? undefined : new URL(values.PUBLIC_URL),
      trustProxy,
      proxyProtocolFrom,
      drainTimeoutMs: values.DRAIN_TIMEOUT_SECONDS * 1000,
      drainDelayMs: values.DRAIN_DELAY_SECONDS * 1000,
      tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
      logLevel: values.LOG_LEVEL,
    },
  };
}

/** The README's table of variables, in Markdown. */
export function configTable(): string {
  const rows = Object.entries(SCHEMA.shape).map(([name, field]) => {
    const fallback = field.safeParse(undefined);
    const value = fallback.success && fallback.data !== undefined ? `\`${fallback.data}\`` : 'unset';
    return `| \`${name}\` | ${DEFAULT_NAMES[name] ?? value} | ${field.description ?? ''} |`;
  });
  return ['| name | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

/** What Kubernetes gives every pod (kubernetes.io/docs/tasks/run-application/access-api-from-pod). */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

function kubernetesFrom(
  given: Readonly<Record<string, string | undefined>>,
  faults: string[],
): KubernetesConfig | undefined {
  const { KUBERNETES_SERVICE_NAME: service, POD_NAMESPACE: namespace, POD_ADDRESS: address } = given;
  if (service === undefined) return undefined;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = given;
  if (namespace === undefined) faults.push('POD_NAMESPACE: must be set with KUBERNETES_SERVICE_NAME');
  if (address === undefined) faults.push('POD_ADDRESS: must be set with KUBERNETES_SERVICE_NAME');
  if (host === undefined || port === undefined) {
    faults.push(
      'KUBERNETES_SERVICE_NAME: only works in a pod, where KUBERNETES_SERVICE_HOST and _PORT are set',
    );
    return undefined;
  }
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    access: { server, caFile: `${SERVICE_ACCOUNT}/ca.crt`, tokenFile: `${SERVICE_ACCOUNT}/token` },
    namespace: namespace ?? '',
    service,
    writesDeletionCost: given['POD_DELETION_COST'] === 'true',
  };
}

/** A secret is never repeated, only its length. */
function secretFaults(secrets: readonly string[] | undefined, isRequired: boolean): string[] {
  if (secrets === undefined) {
    return isRequired
      ? [`CLUSTER_SECRET: must be set with REDIS_URL, ${MIN_CLUSTER_SECRET_LENGTH} characters or more`]
      : [];
  }
  const faults = secrets.flatMap((secret, index) =>
    secret.length < MIN_CLUSTER_SECRET_LENGTH
      ? [
          `CLUSTER_SECRET: ${index === 0 ? 'the' : 'the second'} secret must have ${MIN_CLUSTER_SECRET_LENGTH} characters or more, it has ${secret.length}`,
        ]
      : [],
  );
  if (secrets.length > 2) faults.push(`CLUSTER_SECRET: at most two secrets, NEW,OLD, got ${secrets.length}`);
  return faults;
}

function describeFault(issue: z.core.$ZodIssue, given: Record<string, string | undefined>): string {
  const name = String(issue.path[0]);
  const message = issue.message.startsWith(name) ? issue.message.slice(name.length).trim() : issue.message;
  return `${name}: ${message}, ${got(given[name])}`;
}

function got(value: string | undefined): string {
  return `got ${JSON.stringify(value ?? '')}`;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

const ADDRESS_NAMES = new Set(['loopback', 'linklocal', 'uniquelocal']);

function parseTrustProxy(text: string): TrustProxy | undefined {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (/^\d{1,2}$/.test(text)) return (_address, hop) => hop < Number(text);
  const addresses = text.split(',').map((address) => address.trim());
  const known = addresses.every((address) => isAddressRange(address) || ADDRESS_NAMES.has(address));
  return known ? addresses : undefined;
}

function listFrom(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((word) => word.trim());
}

/** An IP address, with a prefix length or without. */
function isAddressRange(text: string): boolean {
  const [address = '', prefix = '1', ...rest] = text.split('/');
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  return rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= bits;
}
