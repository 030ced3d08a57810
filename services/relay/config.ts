// The configuration: the relay's environment variables, checked all at once.
import { accessSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Environment } from '#shared/machine/environment.ts';
import { type AuditSettings, auditFrom } from './audit/audit-settings.ts';
import { describeFault, got, LIMIT_VARIABLES, VARIABLES } from './config-variables.ts';
import { internalHostFor } from './http/listener/internal-host.ts';
import type { TlsFiles } from './http/listener/tls.ts';
import { parseTrustProxy, type TrustProxy } from './http/listener/trust-proxy.ts';
import { type KubernetesConfig, kubernetesFrom } from './kubernetes/kubernetes-config.ts';
import { isAddressRange, isRange } from './limits/client-address.ts';
import {
  ADDRESS_LIMITS,
  type AddressLimitValues,
  POD_LIMITS,
  type PodLimitValues,
} from './limits/limit-table.ts';
import { type GoodVersion, loadPolicySync } from './policy/file/policy-version.ts';
import type { PumpSettings } from './pump/pump-choice.ts';
import { parseRedisUrl, type RedisTarget } from './registry/redis/redis-url.ts';

/** A shorter secret could be guessed; in characters. */
export const MIN_CLUSTER_SECRET_LENGTH = 32;

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
  /** Whether there is a page that is a client. */
  readonly hasTerminal: boolean;
  /** Of pages that may be clients besides those of this relay; `null` among them is one that was opened from disk. */
  readonly terminalOrigins: readonly string[];
  /** The variables that name a proxy for what the relay asks of the internet; see `proxyFor`. */
  readonly proxies: Environment;
  readonly trustProxy: TrustProxy;
  /** Addresses and ranges of TCP balancers that speak the PROXY protocol; none: nobody does. */
  readonly proxyProtocolFrom: readonly string[];
  readonly drainTimeoutMs: number;
  readonly drainDelayMs: number;
  readonly tls: TlsFiles | undefined;
  /** Undefined: sessions are joined in JavaScript. */
  readonly pump: PumpSettings | undefined;
  readonly logLevel: string;
  /** Undefined: no record is kept. */
  readonly audit: AuditSettings | undefined;
  readonly limits: LimitConfig;
}

const PROXY_VARIABLES = [
  'https_proxy',
  'HTTPS_PROXY',
  'all_proxy',
  'ALL_PROXY',
  'no_proxy',
  'NO_PROXY',
] as const;

export type ConfigResult =
  | { readonly kind: 'valid'; readonly config: Config }
  /** One sentence per fault, each naming its variable. */
  | { readonly kind: 'invalid'; readonly faults: readonly string[] };

/** Reads the configuration. An empty variable counts as unset, as compose files and charts leave them, but for POLICY_FILE. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): ConfigResult {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = VARIABLES.safeParse(given);
  const parsedLimits = LIMIT_VARIABLES.safeParse(given);
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
  // The one variable of which an empty one is a slip: the name of a file that came to nothing would open the relay.
  if (env['POLICY_FILE'] === '')
    faults.push(
      'POLICY_FILE: is empty: name the file, or leave it out for a relay that is open to everybody',
    );
  const policy = policyFrom(given, faults);
  const terminalOrigins = listOf(given['TERMINAL_ORIGINS']);
  const oddOrigin = terminalOrigins.find((origin) => origin !== 'null' && !isOrigin(origin));
  if (oddOrigin !== undefined)
    faults.push(`TERMINAL_ORIGINS: must be origins such as https://HOST, or null, ${got(oddOrigin)}`);
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
      proxies: Object.fromEntries(PROXY_VARIABLES.map((name) => [name, given[name]])),
      hasTerminal: values.TERMINAL === 'on',
      terminalOrigins,
      trustProxy,
      proxyProtocolFrom,
      drainTimeoutMs: values.DRAIN_TIMEOUT_SECONDS * 1000,
      drainDelayMs: values.DRAIN_DELAY_SECONDS * 1000,
      tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
      pump: values.PUMP === 'native' ? { threads: values.PUMP_THREADS ?? availableParallelism() } : undefined,
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

/** As a browser writes one: nothing but scheme, host and port. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.parse(text)?.origin === text;
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
