// The registry of 1,000,000 idle agents on 100 pods: what a local Redis shows of a part of them, and what follows for all.
import { hashClaim } from '#shared/protocol/claim.ts';
import { systemClock } from '#shared/time/clock.ts';
import { makeAgentId } from '../../services/agent/access/random-token.ts';
import { ClusterKey } from '../../services/relay/hop/cluster-key.ts';
import { createRedisRegistry } from '../../services/relay/registry/redis/create-redis-registry.ts';
import { parseRedisUrl } from '../../services/relay/registry/redis/redis-url.ts';
import {
  type AgentRegistry,
  type Owner,
  RENEW_EVERY_MS,
  RESERVATION_MS,
} from '../../services/relay/registry/registry.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { LINKED } from '../support/relay/tenure.ts';

const AGENTS = 1_000_000;
const PODS = 100;
/** Written for real. */
const SAMPLE = 50_000;
/** As the agent table does it. */
const BATCH = 500;
/** Agents that lost their pod dial again within this time: the longest wait between their attempts (relay-link.ts). */
const REDIAL_WITHIN_S = 3;

/** Whoever comes back empty is to have everybody registered again within this time (docs/decisions/0009-stock-redis-no-leader.md). */
const RESTORED_WITHIN_S = 5;

/** What Redis says of itself (INFO). */
interface Reading {
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

/** Of one call, on average. */
interface Cost {
  readonly call: string;
  readonly cpuMicroseconds: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

interface Sample {
  readonly version: string;
  readonly bytesPerEntry: number;
  readonly costs: Readonly<Record<'claim' | 'renew' | 'lookup' | 'restore', Cost>>;
}

const server = await startRedis();
try {
  const sample = await measure(server);
  console.log(`\n${measuredTable(sample)}\n\n${computedTable(sample)}`);
} finally {
  await server[Symbol.asyncDispose]();
}

async function measure(redis: RedisServer): Promise<Sample> {
  const registry = await open(redis);
  const owner: Owner = { pod: 'converge-relay-7d9c5b6f44-x2x4z', address: '10.100.100.100:9090' };
  const agents = Array.from({ length: SAMPLE }, () => {
    const id = makeAgentId();
    return { id, claimHash: hashClaim(id) };
  });
  const epochs = new Map<string, number>();
  const each = async (work: (agent: (typeof agents)[number]) => Promise<unknown>): Promise<void> => {
    for (let at = 0; at < agents.length; at += BATCH)
      await Promise.all(agents.slice(at, at + BATCH).map(work));
  };

  const empty = await read(redis);
  const claim = await cost('claim', redis, () =>
    each(async ({ id, claimHash }) => {
      const outcome = await registry.claim(id, claimHash, owner);
      if (outcome.kind === 'claimed') epochs.set(id, outcome.epoch);
    }),
  );
  const { memoryBytes } = await read(redis);
  const leases = [...epochs].map(([id, epoch]) => ({ id, epoch }));
  if (leases.length !== SAMPLE) throw new Error(`only ${leases.length} of ${SAMPLE} entries were written`);
  const renew = await cost('renew', redis, async () => {
    const lost = await registry.renew(leases);
    if (lost.length > 0) throw new Error(`${lost.length} leases were lost`);
  });
  const lookup = await cost('lookup', redis, () => each(({ id }) => registry.lookup(id)));
  await redis.call('FLUSHALL');
  const restore = await cost('restore', redis, () =>
    each(({ id, claimHash }) => registry.restore(id, claimHash, owner, epochs.get(id) ?? 1, LINKED)),
  );
  await registry.stop();
  const info = String(await redis.call('INFO', 'server'));
  return {
    version: /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown',
    bytesPerEntry: (memoryBytes - empty.memoryBytes) / SAMPLE,
    costs: { claim, renew, lookup, restore },
  };
}

async function open(redis: RedisServer): Promise<AgentRegistry> {
  const parsed = parseRedisUrl(redis.url);
  if (parsed.kind === 'invalid') throw new Error(parsed.fault);
  const key = new ClusterKey(['a secret of a cluster on paper, 32+']);
  const { promise, resolve } = Promise.withResolvers<void>();
  const registry = createRedisRegistry({
    target: parsed.target,
    pod: 'bench',
    clock: systemClock,
    log: { info: () => undefined, warn: (fields, message) => console.error(message, fields) },
    sign: (text) => key.sign('registry', text),
    verify: (text, signature) => key.verify('registry', text, signature),
    recorder: {
      registryConnected: () => undefined,
      registryCalled: () => undefined,
      registryEntryDistrusted: () => undefined,
    },
  });
  registry.start(resolve);
  await promise;
  return registry;
}

async function cost(call: string, redis: RedisServer, work: () => Promise<void>): Promise<Cost> {
  const before = await read(redis);
  await work();
  const after = await read(redis);
  return {
    call,
    cpuMicroseconds: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / SAMPLE,
    inBytes: (after.inBytes - before.inBytes) / SAMPLE,
    outBytes: (after.outBytes - before.outBytes) / SAMPLE,
  };
}

async function read(redis: RedisServer): Promise<Reading> {
  const info = String(await redis.call('INFO', 'everything'));
  const value = (name: string): number => Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]);
  return {
    memoryBytes: value('used_memory'),
    cpuSeconds: value('used_cpu_user') + value('used_cpu_sys'),
    inBytes: value('total_net_input_bytes'),
    outBytes: value('total_net_output_bytes'),
  };
}

function measuredTable({ version, bytesPerEntry, costs }: Sample): string {
  const rows = Object.values(costs).map(
    ({ call, cpuMicroseconds, inBytes, outBytes }) =>
      `| one ${call} | ${cpuMicroseconds.toFixed(1)} µs of Redis CPU, ${inBytes.toFixed(0)} B in, ${outBytes.toFixed(0)} B out |`,
  );
  return [
    `| measured: Redis ${version} on this machine, ${count(SAMPLE)} agents through our registry | |`,
    '| --- | --- |',
    `| memory per entry | ${bytesPerEntry.toFixed(0)} B |`,
    ...rows,
  ].join('\n');
}

function computedTable({ bytesPerEntry, costs: { claim, renew, restore } }: Sample): string {
  const renewals = AGENTS / (RENEW_EVERY_MS / 1_000);
  const perPod = AGENTS / PODS;
  const restoreSeconds = (AGENTS * restore.cpuMicroseconds) / 1e6;
  const mebibytes = (AGENTS * bytesPerEntry) / 2 ** 20;
  const cores = (perSecond: number, { cpuMicroseconds }: Cost): string =>
    `${((perSecond * cpuMicroseconds) / 1e6).toFixed(2)} of a core`;
  const megabits = (perSecond: number, { inBytes }: Cost): string =>
    `${((perSecond * inBytes * 8) / 1e6).toFixed(0)} Mbit/s in`;
  const rows: readonly (readonly [string, string])[] = [
    [
      'memory',
      `${mebibytes.toFixed(0)} MiB for the entries; as much again is room for their growth and copy-on-write`,
    ],
    [
      `renewals, every ${RENEW_EVERY_MS / 1_000} s`,
      `${count(renewals)}/s: ${cores(renewals, renew)}, ${megabits(renewals, renew)}; ${count(renewals / PODS)}/s by each pod`,
    ],
    [
      'a pod is lost',
      `${count(perPod)} agents dial again within about ${REDIAL_WITHIN_S} s: ${count(perPod / REDIAL_WITHIN_S)} claims/s, ` +
        `${cores(perPod / REDIAL_WITHIN_S, claim)}; ${Math.ceil(perPod / (PODS - 1))} agents more on each other pod`,
    ],
    [
      'Redis comes back empty',
      `${count(AGENTS)} restores, ${count(perPod)} by each pod in batches of ${BATCH}: ` +
        `${restoreSeconds.toFixed(0)} s of Redis CPU, which is how long it takes with one server; within ` +
        `${RESTORED_WITHIN_S} s: up to ${count((RESTORED_WITHIN_S / restoreSeconds) * AGENTS)} agents, or a Redis Cluster of ` +
        `${Math.ceil(restoreSeconds / RESTORED_WITHIN_S)} masters`,
    ],
    [
      'Redis is away',
      `an ID outlasts ${RESERVATION_MS / 1_000} s without a renewal, and comes back to its agent after that; no live session asks it anything`,
    ],
  ];
  return [
    `| computed from that: ${count(AGENTS)} idle agents on ${PODS} pods, one Redis | |`,
    '| --- | --- |',
    ...rows.map(([what, value]) => `| ${what} | ${value} |`),
  ].join('\n');
}

function count(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}
