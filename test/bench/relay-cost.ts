// What a byte costs a relay: CPU seconds per GB, against a splice, ws and nginx, and with a hop against without.
import { randomBytes } from 'node:crypto';
import { startRedisProcess } from '../support/redis/redis-process.ts';
import { type Lane, openMessagesLane, openNginxLane, openPodLane, openSpliceLane } from './lane.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { clientFrame } from './socket.ts';

const MB = 1e6;

/** Per round; small writes cost many times more, so fewer bytes give as good a figure. */
const SIZES = [
  { name: '32k', payload: 32 * 1024, quick: 600 * MB, full: 1000 * MB },
  { name: '4k', payload: 4 * 1024, quick: 300 * MB, full: 500 * MB },
  { name: '256', payload: 256, quick: 40 * MB, full: 100 * MB },
] as const;

/**
 * A round is so many short turns of each lane, by turns: what one turn costs depends much on which processors it happened to
 * run on and how large the reads were for that.
 */
const TURNS_PER_ROUND = 4;

/** Before the first round, so that nothing is measured cold. */
const WARM_UP_SHARE = 0.3;

type Mask = 'zero' | 'random';

interface Turn {
  readonly name: string;
  readonly lane: Lane;
  readonly mask: Mask;
}

async function costOf({ lane, mask }: Turn, payload: number, bytes: number): Promise<number> {
  const unit = lane.isFramed ? clientFrame(payload, mask) : randomBytes(payload);
  return lane.cost(unit, payload, Math.ceil(bytes / payload));
}

/** One round: the cost of each lane, by name. */
async function costsOf(
  turns: readonly Turn[],
  payload: number,
  bytes: number,
): Promise<ReadonlyMap<string, number>> {
  const costs = new Map<string, number>();
  for (let count = 0; count < TURNS_PER_ROUND; count += 1) {
    for (const turn of turns) {
      const cost = await costOf(turn, payload, bytes / TURNS_PER_ROUND);
      costs.set(turn.name, (costs.get(turn.name) ?? 0) + cost / TURNS_PER_ROUND);
    }
  }
  return costs;
}

export async function measureRelay({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const pod = stack.use(await startPod('bench-relay'));
  const javascript = stack.use(await startPod('bench-relay-javascript', undefined, { PUMP: 'javascript' }));
  const splice = await openSpliceLane(stack);
  // Our own clients send a mask of zero; whoever brings another is served as well, and unmasking is then on the bill.
  const turns: readonly Turn[] = [
    { name: 'splice', lane: splice, mask: 'zero' },
    { name: 'ours', lane: await openPodLane(stack, 'ours', [pod]), mask: 'zero' },
    { name: 'javascript', lane: await openPodLane(stack, 'javascript', [javascript]), mask: 'zero' },
    { name: 'ours_masked', lane: await openPodLane(stack, 'ours_masked', [pod]), mask: 'random' },
    { name: 'ws', lane: await openMessagesLane(stack), mask: 'random' },
    { name: 'nginx', lane: await openNginxLane(stack), mask: 'random' },
  ];
  for (const { name: size, payload, quick, full } of SIZES) {
    const bytes = isFull ? full : quick;
    say(`${rounds} rounds of ${bytes / MB} MB in writes of ${payload} bytes`);
    for (const turn of turns) await costOf(turn, payload, bytes * WARM_UP_SHARE);
    for (let round = 0; round < rounds; round += 1) {
      const costs = await costsOf(turns, payload, bytes);
      for (const [name, cost] of costs) figures.add(`relay.${size}.${name}`, 's/GB', cost);
      const reference = costs.get('splice') ?? Number.NaN;
      figures.add(`relay.${size}.ratio`, 'ratio', (costs.get('ours') ?? Number.NaN) / reference);
      figures.add(
        `relay.${size}.ratio_masked`,
        'ratio',
        (costs.get('ours_masked') ?? Number.NaN) / reference,
      );
      figures.add(`relay.${size}.ratio_ws`, 'ratio', (costs.get('ws') ?? Number.NaN) / reference);
    }
  }
}

export async function measureHop({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedisProcess());
  const owner = stack.use(await startPod('bench-owner', redis.url));
  const other = stack.use(await startPod('bench-other', redis.url));
  const turns: readonly Turn[] = [
    { name: 'one_pod', lane: await openPodLane(stack, 'one-pod', [owner]), mask: 'zero' },
    { name: 'two_pods', lane: await openPodLane(stack, 'two-pods', [owner, other]), mask: 'zero' },
  ];
  const [{ payload, quick, full }] = SIZES;
  const bytes = isFull ? full : quick;
  say(`${rounds} rounds of ${bytes / MB} MB through one pod and two`);
  for (const turn of turns) await costOf(turn, payload, bytes * WARM_UP_SHARE);
  for (let round = 0; round < rounds; round += 1) {
    const costs = await costsOf(turns, payload, bytes);
    for (const [name, cost] of costs) figures.add(`hop.${name}`, 's/GB', cost);
    figures.add(
      'hop.ratio',
      'ratio',
      (costs.get('two_pods') ?? Number.NaN) / (costs.get('one_pod') ?? Number.NaN),
    );
  }
}
