// Cores: what fifty sessions move through a relay with two processors and two threads, over one and one.
//
// The load needs processors too. On a machine with fewer than four, two threads and the load get in each other's way; the
// ratio of what the busiest thread spends on a GB says then what the other ratio would be.
import { availableParallelism } from 'node:os';
import { type Lane, openPodLane } from './lane.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { takeTurns } from './turns.ts';

const SESSIONS = 50;
const PAYLOAD_BYTES = 32 * 1024;
const QUICK_BYTES = 500e6;
const FULL_BYTES = 3000e6;

/** Two for the relay, and two for the load. */
const CORES_WANTED = 4;

export async function measureCores({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const cores = availableParallelism();
  const lanes: Lane[] = [];
  for (const threads of [1, 2]) {
    const used = threads === 1 ? '0' : '0,1';
    const rest = cores > threads ? `${threads}-${cores - 1}` : used;
    const env = { PUMP_THREADS: String(threads), UNLIMITED_ADDRESSES: '127.0.0.0/8' };
    const pod = stack.use(await startPod(`bench-${threads}`, { env, prefix: ['taskset', '-c', used] }));
    lanes.push(
      await openPodLane(stack, { name: `threads_${threads}`, pods: [pod], sessions: SESSIONS, cpus: rest }),
    );
  }
  const bytes = isFull ? FULL_BYTES : QUICK_BYTES;
  say(`${rounds} rounds of ${bytes / 1e6} MB in ${SESSIONS} sessions, on one processor and on two`);
  if (cores < CORES_WANTED) say(`this machine has ${cores}: the load shares them with two threads`);
  await takeTurns(lanes, rounds, { payloadBytes: PAYLOAD_BYTES, bytes }, (costs) => {
    const [one, two] = [costs.get('threads_1'), costs.get('threads_2')];
    if (one === undefined || two === undefined) return;
    figures.add('cores.one', 'MB/s', one.mbPerSecond);
    figures.add('cores.two', 'MB/s', two.mbPerSecond);
    figures.add('cores.one.cpu', 's/GB', one.cpu);
    figures.add('cores.two.cpu', 's/GB', two.cpu);
    figures.add('cores.ratio', 'ratio', two.mbPerSecond / one.mbPerSecond);
    // What they could move if nobody else wanted a processor: as much as the busiest thread gets done.
    figures.add('cores.capacity_ratio', 'ratio', one.busiest / two.busiest);
  });
}
