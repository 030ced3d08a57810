// What a byte costs a relay: CPU seconds per GB beside peers in the same rounds, for one session and for many, and with a hop.
import { startRedisProcess } from '../support/redis/redis-process.ts';
import type { Figures } from './figures.ts';
import { type Cost, type Lane, openMessagesLane, openPodLane, openProxyLane } from './lane.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { takeTurns } from './turns.ts';

const MB = 1e6;

/** Small writes cost many times more, so fewer bytes give as good a figure. */
const SIZES = [
  { name: '32k', payloadBytes: 32 * 1024, quick: 400 * MB, full: 1000 * MB },
  { name: '4k', payloadBytes: 4 * 1024, quick: 200 * MB, full: 400 * MB },
  { name: '256', payloadBytes: 256, quick: 30 * MB, full: 60 * MB },
  // As a source does that has much to say in small frames: the cost of a frame without that of waking up for it.
  { name: '256_packed', payloadBytes: 256, framesPerWrite: 64, quick: 100 * MB, full: 200 * MB },
] as const;

/** Sessions at once, and what is in a name for it. */
const CROWDS = [50, 500] as const;

/** Of these only the large and the small are worth the time. */
const CROWD_SIZES = SIZES.filter(({ name }) => name === '32k' || name === '256');

/** What ours is held against. `pipe` is Node's floor, `splice` the kernel's. */
const PEERS = ['splice', 'pipe', 'nginx', 'haproxy'] as const;

export async function measureRelay({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const pods = [stack.use(await startPod('bench-relay'))] as const;
  const lanes = [
    ...(await openComparison(stack, 1)),
    // Our own clients send a mask of zero; whoever brings another is served as well, and unmasking is then on the bill.
    await openPodLane(stack, { name: 'ours_masked', pods, mask: 'random' }),
    await openMessagesLane(stack),
  ];
  for (const { name, quick, full, ...writes } of SIZES) {
    const bytes = isFull ? full : quick;
    say(`${name}: ${rounds} rounds of ${bytes / MB} MB`);
    await takeTurns(lanes, rounds, { ...writes, bytes }, (costs) => {
      addCosts(figures, `relay.${name}`, costs);
      add(figures, `relay.${name}.masked_over_ours`, costs, 'ours_masked', 'ours');
    });
  }
}

export async function measureCrowd({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  for (const sessions of CROWDS) {
    await using stack = new AsyncDisposableStack();
    const lanes = await openComparison(stack, sessions);
    for (const { name, quick, full, ...writes } of CROWD_SIZES) {
      const bytes = isFull ? full : quick;
      say(`${name}: ${rounds} rounds of ${bytes / MB} MB in ${sessions} sessions`);
      await takeTurns(lanes, rounds, { ...writes, bytes }, (costs) => {
        addCosts(figures, `crowd${sessions}.${name}`, costs);
      });
    }
  }
}

export async function measureHop({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedisProcess());
  const owner = stack.use(await startPod('bench-owner', { redisUrl: redis.url }));
  const other = stack.use(await startPod('bench-other', { redisUrl: redis.url }));
  const lanes = [
    await openPodLane(stack, { name: 'one_pod', pods: [owner] }),
    await openPodLane(stack, { name: 'two_pods', pods: [owner, other] }),
  ];
  const [{ payloadBytes, quick, full }] = SIZES;
  const bytes = isFull ? full : quick;
  say(`${rounds} rounds of ${bytes / MB} MB through one pod and two`);
  await takeTurns(lanes, rounds, { payloadBytes, bytes }, (costs) => {
    for (const [name, { cpu }] of costs) figures.add(`hop.${name}`, 's/GB', cpu);
    add(figures, 'hop.ratio', costs, 'two_pods', 'one_pod');
  });
}

/** Ours with each of its pumps, and the peers, with as many sessions each. */
async function openComparison(stack: AsyncDisposableStack, sessions: number): Promise<Lane[]> {
  const native = stack.use(await startPod('bench-native', { env: MANY }));
  const javascript = stack.use(await startPod('bench-javascript', { env: { ...MANY, PUMP: 'javascript' } }));
  const peers: Lane[] = [];
  for (const peer of PEERS) peers.push(await openProxyLane(stack, peer, sessions));
  const [ours] = await Promise.all([
    openPodLane(stack, { name: 'ours', pods: [native], sessions }),
    native.pumpStarted(),
  ]);
  return [...peers, ours, await openPodLane(stack, { name: 'javascript', pods: [javascript], sessions })];
}

/** All of a lane's clients come from one address. */
const MANY = { UNLIMITED_ADDRESSES: '127.0.0.0/8' };

function addCosts(figures: Figures, prefix: string, costs: ReadonlyMap<string, Cost>): void {
  for (const [name, { cpu, mbPerSecond }] of costs) {
    figures.add(`${prefix}.${name}`, 's/GB', cpu);
    figures.add(`${prefix}.${name}.rate`, 'MB/s', mbPerSecond);
  }
  for (const peer of [...PEERS, 'javascript']) add(figures, `${prefix}.over_${peer}`, costs, 'ours', peer);
}

/** What `one` costs over what `other` does. */
function add(
  figures: Figures,
  name: string,
  costs: ReadonlyMap<string, Cost>,
  one: string,
  other: string,
): void {
  const [above, below] = [costs.get(one), costs.get(other)];
  if (above !== undefined && below !== undefined) figures.add(name, 'ratio', above.cpu / below.cpu);
}
