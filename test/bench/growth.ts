// Growth: what an agent keeps of its memory after a transfer of a GiB, each way, over what it had before.
import { setTimeout as sleep } from 'node:timers/promises';
import { makeKeyFolder, startBenchAgent } from '../support/ssh/sshd.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { timeRemote } from './remote.ts';
import { makeSource } from './transfers.ts';
import { residentBytes } from './usage.ts';

const MIB = 1024 * 1024;
const KIB = 1024;
const QUICK_MIB = 256;
const FULL_MIB = 1024;

/** After the start of an agent, and after a transfer. */
const SETTLE_MS = 5_000;

/** A command at the agent, and what goes into it. */
const WAYS = {
  down: (_: string, bytes: number) => ({ command: `exec head -c ${bytes} /dev/zero` }),
  up: (source: string) => ({ command: 'exec cat >/dev/null', input: source }),
};

export async function measureGrowth({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const pod = stack.use(await startPod('bench-growth'));
  const mib = isFull ? FULL_MIB : QUICK_MIB;
  const source = await makeSource(folder, mib);
  say(`${rounds} rounds of an agent that moves ${mib} MiB each way`);
  for (let round = 0; round < rounds; round += 1) {
    for (const way of ['down', 'up'] as const) {
      await using life = new AsyncDisposableStack();
      const host = await startBenchAgent(life, folder, { wsUrl: pod.wsUrl, id: `bench-${way}-${round}` });
      await sleep(SETTLE_MS);
      const before = await residentBytes(host.pid);
      await timeRemote({ host, folder, ...WAYS[way](source, mib * MIB) });
      await sleep(SETTLE_MS);
      const after = await residentBytes(host.pid);
      figures.add('growth.before', 'KiB', before / KIB);
      figures.add(`growth.${way}.after`, 'KiB', after / KIB);
      figures.add(`growth.${way}.ratio`, 'ratio', after / before);
    }
  }
}
