// The variables: each one of the relay's environment, with its form, its default and what it is for.
import { hostname } from 'node:os';
import { z } from 'zod';
import { ALL_LIMITS } from './limits/limit-table.ts';

/** Even an idle relay needs more than this; in bytes. */
const MIN_MEMORY_LIMIT_BYTES = 64 * 1024 * 1024;
const MEMORY_LIMIT_FAULT = 'MEMORY_LIMIT_BYTES must be a whole number of bytes, 67108864 (64 MiB) or more';

/** More than any machine has cores for. */
const MAX_PUMP_THREADS = 256;
const PUMP_THREADS_FAULT = `PUMP_THREADS must be a whole number from 1 to ${MAX_PUMP_THREADS}`;

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
export const VARIABLES = z.object({
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
      'who may come in, a policy in YAML ([how to write one](deploy/README.md#who-may-come-in)); read again when it changes. Unset: everybody who reaches this relay',
    ),
  TERMINAL: z
    .enum(['on', 'off'], { error: 'TERMINAL must be on or off' })
    .default('on')
    .describe(
      'whether `/terminal/ID` is a page that opens a terminal in the job, and its log prints the link',
    ),
  TERMINAL_ORIGINS: z
    .string()
    .optional()
    .describe(
      'origins whose pages may be clients besides those of this relay, for terminal pages that lie elsewhere: `https://HOST, …`; `null` is for one that was opened from disk, and lets any page in that hides its origin',
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
  PUMP: z
    .enum(['native', 'javascript'], { error: 'PUMP must be native or javascript' })
    .default('native')
    .describe(
      'what moves the bytes of sessions: `native`, in threads of its own, where it was built and a session allows it; or `javascript`',
    ),
  PUMP_THREADS: z.coerce
    .number({ error: PUMP_THREADS_FAULT })
    .int(PUMP_THREADS_FAULT)
    .min(1, PUMP_THREADS_FAULT)
    .max(MAX_PUMP_THREADS, PUMP_THREADS_FAULT)
    .optional()
    .describe('how many threads the native pump has'),
  MEMORY_LIMIT_BYTES: z.coerce
    .number({ error: MEMORY_LIMIT_FAULT })
    .int(MEMORY_LIMIT_FAULT)
    .min(MIN_MEMORY_LIMIT_BYTES, MEMORY_LIMIT_FAULT)
    .max(Number.MAX_SAFE_INTEGER, MEMORY_LIMIT_FAULT)
    .optional()
    .describe('the memory that the relay may have'),
});

/** One entry per limit of limits/limit-table.ts, in the order of the README's table. */
export const LIMIT_VARIABLES = z.object(
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

/** The README's table of variables, in Markdown. */
export function configTable(): string {
  const fields = { ...VARIABLES.shape, ...LIMIT_VARIABLES.shape };
  const rows = Object.entries(fields).map(([name, field]) => {
    const fallback = field.safeParse(undefined);
    const value = fallback.success && fallback.data !== undefined ? `\`${fallback.data}\`` : 'unset';
    return `| \`${name}\` | ${DEFAULT_NAMES[name] ?? value} | ${field.description ?? ''} |`;
  });
  return ['| name | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

/** What is wrong with a variable, in a sentence that names it. */
export function describeFault(issue: z.core.$ZodIssue, given: Record<string, string | undefined>): string {
  const name = String(issue.path[0]);
  const message = issue.message.startsWith(name) ? issue.message.slice(name.length).trim() : issue.message;
  return `${name}: ${message}, ${got(given[name])}`;
}

/** The end of such a sentence: what was given. */
export function got(value: string | undefined): string {
  return `got ${JSON.stringify(value ?? '')}`;
}
