// Growth: what relay and agent hold after all attackers have left, against what they held before the first came.
import { until } from '../support/time/poll.ts';
import type { Holding } from './probe-program.ts';
import type { FuzzWorld } from './world.ts';

/** Everything that is kept for a while is gone by then: leases, resume windows, grace times. In milliseconds. */
const SETTLED_WITHIN_MS = 150_000;
const LOOK_EVERY_MS = 1_000;

const MIB = 1024 * 1024;

/** What may be more afterwards than before. */
export const TOLERANCE: Holding = {
  // Compiled code, caches of Node, and the lists that have grown once.
  heapBytes: 3 * MIB,
  // What the allocator keeps of the most there ever was: an agent rises by 150 MiB in the first 5,000 logins that come to
  // nothing and then stays, so this finds what leaks 3 KB for each of the hundred thousand in a million cases.
  residentBytes: 256 * MIB,
  // The good session's own may come and go.
  descriptors: 2,
  resources: 4,
};

export interface Snapshot {
  readonly holdings: Readonly<Record<string, Holding>>;
  readonly gauges: Readonly<Record<string, number>>;
}

export async function takeSnapshot(world: FuzzWorld): Promise<Snapshot> {
  const holdings = { relay: await world.relay.holding(), agent: await world.agent.holding() };
  return { holdings, gauges: await world.gauges() };
}

/** What the relay counts while there is the good session alone. */
const ALONE: Snapshot['gauges'] = {
  converge_agents: 1,
  converge_clients: 1,
  converge_detached_clients: 0,
  converge_sessions: 1,
  converge_pending_dials: 0,
};

/** Once the good session is there, and the relay has heard of it from the agent. */
export async function takeFirstSnapshot(world: FuzzWorld): Promise<Snapshot> {
  const isAlone = async (): Promise<boolean> => {
    const now = await world.gauges();
    return Object.entries(ALONE).every(([name, count]) => now[name] === count);
  };
  await until('the good session is alone', isAlone, SETTLED_WITHIN_MS, LOOK_EVERY_MS);
  return takeSnapshot(world);
}

/**
 * What to compare with: bytes as they are `warm`, when everything was played once, and counts as they were at `first`, when
 * nobody was there who might still be leaving.
 */
export function baselineOf(first: Snapshot, warm: Snapshot): Snapshot {
  const holdings = Object.entries(warm.holdings).map(([name, { heapBytes, residentBytes }]) => {
    const { descriptors = 0, resources = 0 } = first.holdings[name] ?? {};
    return [name, { heapBytes, residentBytes, descriptors, resources }] as const;
  });
  return { holdings: Object.fromEntries(holdings), gauges: first.gauges };
}

/** Waits until what is left is what was there before; the result is what stays over, or nothing. */
export async function findGrowth(
  world: FuzzWorld,
  before: Snapshot,
  say: (line: string) => void,
): Promise<readonly string[]> {
  let growth: readonly string[] = [];
  let told = '';
  const isBack = async (): Promise<boolean> => {
    const now = growth.join('; ');
    if (now !== told) say(`not yet: ${now}`);
    told = now;
    growth = growthOf(before, await takeSnapshot(world));
    return growth.length === 0;
  };
  await until('all is as it was', isBack, SETTLED_WITHIN_MS, LOOK_EVERY_MS).catch(() => undefined);
  return growth;
}

/** One line for each that is more than it was. */
export function growthOf(before: Snapshot, after: Snapshot): string[] {
  const lines: string[] = [];
  for (const [name, then] of Object.entries(before.holdings)) {
    for (const [what, most] of Object.entries(TOLERANCE) as [keyof Holding, number][]) {
      const now = after.holdings[name]?.[what] ?? 0;
      if (now - then[what] > most) lines.push(`${name} has grown: ${what} was ${then[what]}, is ${now}`);
    }
  }
  for (const [name, then] of Object.entries(before.gauges)) {
    const now = after.gauges[name];
    if (now !== then) lines.push(`the relay counts ${name} ${now}, and had ${then}`);
  }
  return lines;
}

/** One line for a person. */
export function describe({ holdings }: Snapshot): string {
  return Object.entries(holdings)
    .map(([name, { heapBytes, residentBytes, descriptors, resources }]) => {
      const [heap, resident] = [heapBytes, residentBytes].map((bytes) => (bytes / MIB).toFixed(1));
      return `${name}: heap ${heap} MiB, resident ${resident} MiB, ${descriptors} descriptors, ${resources} resources`;
    })
    .join('; ');
}
