// What a byte costs a relay: CPU seconds per GB, against a splice, ws and nginx, and with a hop against without.
import { randomBytes } from 'node:crypto';
import {
  type Lane,
  openMessagesLane,
  openNginxLane,
  openPodLane,
  openSpliceLane,
} from '../support/bench-lane.ts';
import { startPod } from '../support/bench-pod.ts';
import { clientFrame } from '../support/bench-socket.ts';
import { startRedisProcess } from '../support/redis-process.ts';
import type { PartOptions } from './part.ts';

const MB = 1e6;

/** Per round; small writes cost many times more, so fewer bytes give as good a figure. */
const SIZES = [
  { name: '32k', payload: 32 * 1024, quick: 200 * MB, full: 1000 * MB },
  { name: '4k', payload: 4 * 1024, quick: 150 * MB, full: 500 * MB },
  { name: '256', payload: 256, quick: 30 * MB, full: 100 * MB },
] as const;

/** Before the first round, so that nothing is measured cold. */
const WARM_UP_SHARE = 0.3;

type Mask = 'zero' | 'random';

async function costOf(lane: Lane, payload: number, bytes: number, mask: Mask): Promise<number> {
  const unit = lane.isFramed ? clientFrame(payload, mask) : randomBytes(payload);
  return lane.cost(unit, payload, Math.ceil(bytes / payload));
}

export async function measureRelay({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const pod = stack.use(await startPod('bench-relay'));
  const splice = await openSpliceLane(stack);
  // Our own clients send a mask of zero; whoever brings another is served as well, and unmasking is then on the bill.
  const turns: readonly { name: string; lane: Lane; mask: Mask }[] = [
    { name: 'splice', lane: splice, mask: 'zero' },
    { name: 'ours', lane: await openPodLane(stack, 'ours', [pod]), mask: 'zero' },
    { name: 'ours_masked', lane: await openPodLane(stack, 'ours_masked', [pod]), mask: 'random' },
    { name: 'ws', lane: await openMessagesLane(stack), mask: 'random' },
    { name: 'nginx', lane: await openNginxLane(stack), mask: 'random' },
  ];
  for (const { name: size, payload, quick, full } of SIZES) {
    const bytes = isFull ? full : quick;
    say(`${rounds} rounds of ${bytes / MB} MB in writes of ${payload} bytes`);
    for (const { lane, mask } of turns) {
      await costOf(lane, payload, bytes * WARM_UP_SHARE, mask);
    }
    for (let round = 0; round < rounds; round += 1) {
      const costs = new Map<string, number>();
      for (const { name, lane, mask } of turns) {
        const cost = await costOf(lane, payload, bytes, mask);
        costs.set(name, cost);
        figures.add(`relay.${size}.${name}`, 's/GB', cost);
      }
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
  const one = await openPodLane(stack, 'one-pod', [owner]);
  const two = await openPodLane(stack, 'two-pods', [owner, other]);
  const [{ payload, quick, full }] = SIZES;
  const bytes = isFull ? full : quick;
  say(`${rounds} rounds of ${bytes / MB} MB through one pod and two`);
  for (const lane of [one, two]) await costOf(lane, payload, bytes * WARM_UP_SHARE, 'zero');
  for (let round = 0; round < rounds; round += 1) {
    const alone = await costOf(one, payload, bytes, 'zero');
    const both = await costOf(two, payload, bytes, 'zero');
    figures.add('hop.one_pod', 's/GB', alone);
    figures.add('hop.two_pods', 's/GB', both);
    figures.add('hop.ratio', 'ratio', both / alone);
  }
}
