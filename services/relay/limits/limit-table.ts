// The limits of a relay, per client address and of the whole pod: the only table of their names, variables and defaults.

interface LimitSetting {
  /** The environment variable that sets it. */
  readonly variable: string;
  readonly fallback: number;
  /** What may be set, both included. */
  readonly least: number;
  readonly most: number;
  readonly unit: string;
  /** What is counted; reads on after "at most this many". */
  readonly what: string;
  /** What happens past it. */
  readonly past: string;
}

const COUNT = { least: 1, most: 1_000_000 } as const;

/**
 * What one client address may have on one pod. The defaults leave room for 500 CI runners behind one address whose jobs
 * start in the same second: each downloads the agent, links it and is dialled into, and during a rollout has two links.
 */
export const ADDRESS_LIMITS = {
  links: {
    ...COUNT,
    variable: 'ADDRESS_MAX_LINKS',
    fallback: 2_000,
    unit: 'links',
    what: 'control links of one client address',
    past: '429 with Retry-After',
  },
  waiting: {
    ...COUNT,
    variable: 'ADDRESS_MAX_WAITING',
    fallback: 1_000,
    unit: 'clients',
    what: 'clients of one address that wait for an agent',
    past: '429 with Retry-After',
  },
  sessions: {
    ...COUNT,
    variable: 'ADDRESS_MAX_SESSIONS',
    fallback: 2_000,
    unit: 'sessions',
    what: 'sessions of one client address',
    past: '429 with Retry-After',
  },
  downloads: {
    ...COUNT,
    variable: 'ADDRESS_MAX_DOWNLOADS',
    fallback: 1_000,
    unit: 'downloads',
    what: 'downloads of one client address at once',
    past: '429 with Retry-After',
  },
  held: {
    variable: 'ADDRESS_MAX_HELD_MIB',
    fallback: 128,
    least: 1,
    most: 1_048_576,
    unit: 'MiB',
    what: 'MiB of unread stream bytes held for one client address',
    past: 'the session that has stood still for longest is cut (`stuck`), and the next, until the rest fits',
  },
  setups: {
    ...COUNT,
    variable: 'ADDRESS_SETUPS_PER_SECOND',
    fallback: 200,
    unit: 'requests per second',
    what: 'requests a second of one client address, those of agents for their streams aside',
    past: '429 with Retry-After',
  },
  burst: {
    ...COUNT,
    variable: 'ADDRESS_SETUPS_BURST',
    fallback: 3_000,
    unit: 'requests',
    what: 'requests of one client address in one moment, after a quiet time',
    past: '429 with Retry-After',
  },
} as const satisfies Record<string, LimitSetting>;

/** What one pod takes from all addresses together. */
export const POD_LIMITS = {
  links: {
    ...COUNT,
    variable: 'MAX_LINKS',
    fallback: 50_000,
    unit: 'links',
    what: 'control links of the pod',
    past: '503 `overloaded` with Retry-After',
  },
  waiting: {
    ...COUNT,
    variable: 'MAX_WAITING',
    fallback: 10_000,
    unit: 'clients',
    what: 'clients that wait for an agent on the pod: each holds a socket',
    past: '503 `overloaded` with Retry-After',
  },
  sessions: {
    ...COUNT,
    variable: 'MAX_SESSIONS',
    fallback: 10_000,
    unit: 'sessions',
    what: 'sessions of the pod, those that only pass through included',
    past: '503 `overloaded` with Retry-After',
  },
  downloads: {
    ...COUNT,
    variable: 'MAX_DOWNLOADS',
    fallback: 2_000,
    unit: 'downloads',
    what: 'downloads of the pod at once: two descriptors each',
    past: '503 `overloaded` with Retry-After',
  },
  memory: {
    variable: 'MAX_MEMORY_PERCENT',
    fallback: 85,
    least: 10,
    most: 100,
    unit: '% of the memory limit',
    what: 'percent of the memory that the process may have, and of the heap that V8 lets it have',
    past: 'new links, clients and downloads get 503 `overloaded` with Retry-After; what runs goes on',
  },
} as const satisfies Record<string, LimitSetting>;

/** What is counted while it lasts, per address and for the whole pod alike. */
export const COUNTED = ['links', 'waiting', 'sessions', 'downloads'] as const;
export type Counted = (typeof COUNTED)[number];

export type AddressLimitValues = Readonly<Record<keyof typeof ADDRESS_LIMITS, number>>;
export type PodLimitValues = Readonly<Record<keyof typeof POD_LIMITS, number>>;

/** Each of the table, with its place in it. */
export const ALL_LIMITS: readonly (LimitSetting & {
  readonly scope: 'address' | 'pod';
  readonly name: string;
})[] = [
  ...Object.entries(ADDRESS_LIMITS).map(([name, setting]) => ({
    scope: 'address' as const,
    name,
    ...setting,
  })),
  ...Object.entries(POD_LIMITS).map(([name, setting]) => ({ scope: 'pod' as const, name, ...setting })),
];

/** Which limit was met, for the metric and the log: `address_links`, `pod_memory` and so on. */
export type MetLimit =
  | `address_${Counted | 'held' | 'setups' | 'proofs' | 'sign_ons'}`
  | `pod_${Counted | 'memory' | 'heap' | 'sign_ons'}`;

export const MET_LIMITS: readonly MetLimit[] = [
  ...COUNTED.map((name) => `address_${name}` as const),
  'address_held',
  'address_setups',
  'address_proofs',
  'address_sign_ons',
  ...COUNTED.map((name) => `pod_${name}` as const),
  'pod_memory',
  'pod_heap',
  'pod_sign_ons',
];
