// The configuration: the relay's environment variables, checked all at once.
import { accessSync, constants } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { type AuditSettings, auditFrom } from './audit/audit-settings.ts';
import { internalHostFor } from './http/listener/internal-host.ts';
import type { TlsFiles } from './http/listener/tls.ts';
import { parseTrustProxy, type TrustProxy } from './http/listener/trust-proxy.ts';
import { type KubernetesConfig, kubernetesFrom } from './kubernetes/kubernetes-config.ts';
import { isAddressRange, isRange } from './limits/client-address.ts';
import {
  ADDRESS_LIMITS,
  type AddressLimitValues,
  ALL_LIMITS,
  POD_LIMITS,
  type PodLimitValues,
} from './limits/limit-table.ts';
import { type GoodVersion, loadPolicySync } from './policy/file/policy-version.ts';
import { parseRedisUrl, type RedisTarget } from './registry/redis/redis-url.ts';

/** A shorter secret could be guessed; in characters. */
export const MIN_CLUSTER_SECRET_LENGTH = 32;

/** Even an idle relay needs more than this; in bytes. */
const MIN_MEMORY_LIMIT_BYTES = 64 * 1024 * 1024;
const MEMORY_LIMIT_FAULT = 'MEMORY_LIMIT_BYTES must be a whole number of bytes, 67108864 (64 MiB) or more';

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

function isAddressWithPort(text: string): boolean {
  return ADDRESS_WITH_PORT_PATTERN.test(text) && URL.canParse(`http://${text}`);
}

/** One entry per variable, in the order of the README's table. */
const SCHEMA = z.object({
  PORT: port('PORT', 8080).describe('public listener'),
  HOST: z.string().default('::').describe('address of the public listener'),
  INTERNAL_PORT: port('INTERNAL_PORT', 9090).describe('metrics and health; never exposed by an ingress'),
  INTERNAL_HOST: z
    .string()
    .optional()
    .describe('address of the internal listener; with a POD_ADDRESS that others can reach, HOST'),
  REDIS_URL: z
    .string()
    .optional()
    .describe(
      'unset: the in-memory registry, for one pod. `redis://`, `rediss://`, and sentinel and cluster forms',
    ),
  POD_ID: z.string().max(253).default(hostname()).describe('who this pod is'),
  POD_ADDRESS: z
    .string()
    .refine(isAddressWithPort, 'POD_ADDRESS must be HOST:PORT')
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
    .describe(
      'what the usage page and the agents print; the only origin whose pages may open a WebSocket here',
    ),
  POLICY_FILE: z
    .string()
    .optional()
    .describe(
      'who may come in, in YAML ([Who may come in](deploy/README.md#who-may-come-in)); read again when it changes. Unset: everybody who reaches this relay',
    ),
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
  AUDIT_TO: z
    .string()
    .optional()
    .describe(
      'where the record of who did what goes, one JSON line per event: `stdout`, `file:/PATH` or `https://HOST/PATH`; unset: no record is kept',
    ),
  AUDIT_TOKEN_FILE: z
    .string()
    .optional()
    .describe('the bearer token for that endpoint; read anew for each request'),
  UNLIMITED_ADDRESSES: z
    .string()
    .optional()
    .describe('addresses and ranges (`203.0.113.0/24, 2001:db8::/32`) exempt from the per-address limits'),
  LIMIT_PRIVATE_ADDRESSES: z
    .enum(['true', 'false'], { error: 'LIMIT_PRIVATE_ADDRESSES must be true or false' })
    .default('false')
    .describe(
      'whether a private or loopback address that connects directly is limited like any other; `false`: it may be an ingress that TRUST_PROXY does not name, behind which everybody is',
    ),
  MEMORY_LIMIT_BYTES: z.coerce
    .number({ error: MEMORY_LIMIT_FAULT })
    .int(MEMORY_LIMIT_FAULT)
    .min(MIN_MEMORY_LIMIT_BYTES, MEMORY_LIMIT_FAULT)
    .max(Number.MAX_SAFE_INTEGER, MEMORY_LIMIT_FAULT)
    .optional()
    .describe('the memory that the relay may have'),
});

/** One entry per limit of limits/limit-table.ts, in the order of the README's table. */
const LIMIT_SCHEMA = z.object(
  Object.fromEntries(
    ALL_LIMITS.map(({ variable, fallback, least, most, unit, what }) => {
      const fault = `${variable} must be a whole number from ${least} to ${most} (${unit})`;
      const field = z.coerce.number({ error: fault }).int(fault).min(least, fault).max(most, fault);
      return [variable, field.default(fallback).describe(`at most this many ${what}`)];
    }),
  ),
);

/** Defaults that depend on the machine, as the documentation names them. */
const DEFAULT_NAMES: Record<string, string> = {
  INTERNAL_HOST: '`127.0.0.1`',
  POD_ID: 'host name',
  POD_ADDRESS: '`127.0.0.1:INTERNAL_PORT`',
  CLUSTER_SECRET: 'random',
  PUBLIC_URL: 'from the request',
  MEMORY_LIMIT_BYTES: "the container's, else the machine's",
};

export interface LimitConfig {
  readonly address: AddressLimitValues;
  readonly pod: PodLimitValues;
  /** Addresses and ranges exempt from the per-address limits. */
  readonly unlimited: readonly string[];
  /** Whether a private address is limited too when no proxy reported it. */
  readonly limitsPrivate: boolean;
  /** Undefined: what the kernel says. */
  readonly memoryBytes: number | undefined;
}

/** Where it is kept which pod has which agent. All but the one in memory are shared by several pods. */
export type RegistryChoice =
  | { readonly kind: 'memory' }
  | { readonly kind: 'redis'; readonly target: RedisTarget };

export interface Config {
  readonly port: number;
  readonly host: string;
  readonly internalPort: number;
  readonly internalHost: string;
  readonly registry: RegistryChoice;
  readonly kubernetes: KubernetesConfig | undefined;
  readonly podId: string;
  /** `HOST:PORT`; undefined: this machine, at the port that the internal listener got. */
  readonly podAddress: string | undefined;
  /** The one in use first. Undefined: a random one will do. */
  readonly clusterSecrets: readonly string[] | undefined;
  readonly publicUrl: URL | undefined;
  /** Undefined: no file, and everybody may come in. */
  readonly policy: GoodVersion | undefined;
  readonly trustProxy: TrustProxy;
  /** Addresses and ranges of TCP balancers that speak the PROXY protocol; none: nobody does. */
  readonly proxyProtocolFrom: readonly string[];
  readonly drainTimeoutMs: number;
  readonly drainDelayMs: number;
  readonly tls: TlsFiles | undefined;
  readonly logLevel: string;
  /** Undefined: no record is kept. */
  readonly audit: AuditSettings | undefined;
  readonly limits: LimitConfig;
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
  const parsedLimits = LIMIT_SCHEMA.safeParse(given);
  const issues = [parsed, parsedLimits].flatMap(({ error }) => error?.issues ?? []);
  // A number can be wrong in two ways that are one fault to a person.
  const faults = [...new Set(issues.map((issue) => describeFault(issue, given)))];
  const unlimited = listOf(given['UNLIMITED_ADDRESSES']);
  const odd = unlimited.find((range) => !isRange(range));
  if (odd !== undefined) faults.push(`UNLIMITED_ADDRESSES: must be addresses or ranges, ${got(odd)}`);
  const trustProxy = parseTrustProxy(given['TRUST_PROXY'] ?? 'false');
  if (trustProxy === undefined) {
    faults.push(
      `TRUST_PROXY: true, false, a number of hops or a comma-separated list of addresses, ${got(given['TRUST_PROXY'])}`,
    );
  }
  const proxyProtocolFrom = listOf(given['PROXY_PROTOCOL_FROM']);
  if (!proxyProtocolFrom.every(isAddressRange)) {
    faults.push(
      `PROXY_PROTOCOL_FROM: must be a comma-separated list of addresses, ${got(given['PROXY_PROTOCOL_FROM'])}`,
    );
  }
  const policy = policyFrom(given, faults);
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = given;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const missing = certFile === undefined ? 'TLS_CERT_FILE' : 'TLS_KEY_FILE';
    faults.push(`${missing}: must be set too, TLS needs both a certificate and its key`);
  }
  for (const [name, path] of Object.entries({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile })) {
    if (path !== undefined && !isReadable(path))
      faults.push(`${name}: must be a readable file, ${got(path)}`);
  }
  const audit = auditFrom(given, faults);
  const redis = given['REDIS_URL'] === undefined ? undefined : parseRedisUrl(given['REDIS_URL']);
  if (redis?.kind === 'invalid') faults.push(`REDIS_URL: ${redis.fault}`);
  const kubernetes = kubernetesFrom(given, faults);
  const clusterSecrets = given['CLUSTER_SECRET']?.split(',').map((secret) => secret.trim());
  faults.push(...secretFaults(clusterSecrets, given['REDIS_URL'] !== undefined));
  const { PORT, INTERNAL_PORT } = given;
  if ((PORT ?? '8080') === (INTERNAL_PORT ?? '9090') && PORT !== '0') {
    faults.push(`INTERNAL_PORT: must differ from PORT, both are ${PORT ?? '8080'}`);
  }
  if (!parsed.success || !parsedLimits.success || trustProxy === undefined || faults.length > 0)
    return { kind: 'invalid', faults };
  const values = parsed.data;
  const limits = parsedLimits.data;
  return {
    kind: 'valid',
    config: {
      port: values.PORT,
      host: values.HOST,
      internalPort: values.INTERNAL_PORT,
      internalHost: internalHostFor({
        given: values.INTERNAL_HOST,
        host: values.HOST,
        podAddress: values.POD_ADDRESS,
      }),
      registry: redis?.kind === 'valid' ? { kind: 'redis', target: redis.target } : { kind: 'memory' },
      kubernetes,
      podId: values.POD_ID,
      podAddress: values.POD_ADDRESS,
      clusterSecrets,
      publicUrl: values.PUBLIC_URL === undefined ? undefined : new URL(values.PUBLIC_URL),
      policy,
      trustProxy,
      proxyProtocolFrom,
      drainTimeoutMs: values.DRAIN_TIMEOUT_SECONDS * 1000,
      drainDelayMs: values.DRAIN_DELAY_SECONDS * 1000,
      tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
      logLevel: values.LOG_LEVEL,
      audit,
      limits: {
        address: valuesOf(ADDRESS_LIMITS, limits),
        pod: valuesOf(POD_LIMITS, limits),
        unlimited,
        limitsPrivate: values.LIMIT_PRIVATE_ADDRESSES === 'true',
        memoryBytes: values.MEMORY_LIMIT_BYTES,
      },
    },
  };
}

/** The policy of POLICY_FILE, or all of its faults. */
function policyFrom(given: Record<string, string | undefined>, faults: string[]): GoodVersion | undefined {
  const { POLICY_FILE: path, PUBLIC_URL: publicUrl } = given;
  if (path === undefined) return undefined;
  const audience = URL.parse(publicUrl ?? '')?.origin;
  const version = loadPolicySync(path, { audience, now: Date.now() });
  if (version.kind === 'good') return version;
  faults.push(...version.faults.map((fault) => `POLICY_FILE: ${fault}`));
  return undefined;
}

/** The README's table of variables, in Markdown. */
export function configTable(): string {
  const fields = { ...SCHEMA.shape, ...LIMIT_SCHEMA.shape };
  const rows = Object.entries(fields).map(([name, field]) => {
    const fallback = field.safeParse(undefined);
    const value = fallback.success && fallback.data !== undefined ? `\`${fallback.data}\`` : 'unset';
    return `| \`${name}\` | ${DEFAULT_NAMES[name] ?? value} | ${field.description ?? ''} |`;
  });
  return ['| name | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
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

function listOf(text = ''): string[] {
  return text === '' ? [] : text.split(',').map((part) => part.trim());
}

/** The values of one half of the table of limits, by its own names. */
function valuesOf<Name extends string>(
  table: Readonly<Record<Name, { readonly variable: string; readonly fallback: number }>>,
  values: Readonly<Record<string, number>>,
): Record<Name, number> {
  const names = Object.keys(table) as Name[];
  return Object.fromEntries(
    names.map((name) => [name, values[table[name].variable] ?? table[name].fallback]),
  ) as Record<Name, number>;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
