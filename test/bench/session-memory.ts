// What a joined session costs a relay: resident memory with a thousand more that have moved something.
import { setTimeout as sleep } from 'node:timers/promises';
import { startLoad } from './load.ts';
import type { PartOptions } from './part.ts';
import { type BenchPod, startPod } from './pod.ts';
import { residentBytes } from './usage.ts';

const QUICK_SESSIONS = 300;
const FULL_SESSIONS = 1_000;
/**
 * Come before the first look, so that code and heap are those of a relay that has worked. They stay: into the memory of such
 * as have gone others would fit, which would then seem to cost nothing.
 */
const EARLIER_SESSIONS = 200;
/** Of each session, in each of its writes; enough for every buffer on the way to be used. */
const MOVED = { payloadBytes: 32 * 1024, framesPerWrite: 1, writes: 16, mask: 'zero' } as const;
/** Longer than a round of pings. */
const SETTLE_MS = 20_000;
const QUICK_SETTLE_MS = 4_000;
const KIB = 1024;

export async function measureSessions({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  const count = isFull ? FULL_SESSIONS : QUICK_SESSIONS;
  const settleMs = isFull ? SETTLE_MS : QUICK_SETTLE_MS;
  say(`${rounds} rounds of ${count} sessions, in a relay that is new each time`);
  for (let round = 0; round < rounds; round += 1) {
    for (const pump of ['native', 'javascript']) {
      await using stack = new AsyncDisposableStack();
      const env = { PUMP: pump, UNLIMITED_ADDRESSES: '127.0.0.0/8' };
      const pod = stack.use(await startPod(`bench-${pump}`, { env }));
      await join(stack, pod, 'earlier', EARLIER_SESSIONS);
      await sleep(settleMs);
      const before = await residentBytes(pod.pid);
      await join(stack, pod, 'held', count);
      await sleep(settleMs);
      const held = await residentBytes(pod.pid);
      figures.add(`sessions.${pump}.before`, 'KiB', before / KIB);
      figures.add(`sessions.${pump}.per_session`, 'KiB', (held - before) / KIB / count);
    }
  }
}

async function join(stack: AsyncDisposableStack, pod: BenchPod, name: string, count: number): Promise<void> {
  const load = stack.use(await startLoad('relayed'));
  await load.openSessions(stack, { name, agentPort: pod.port, clientPort: pod.port, count });
  await load.run(MOVED);
}
