// A stream down and up through ssh: the CPU time of every process that takes part, beside sshd direct.
import { makeKeyFolder, startBenchAgent, startSshd } from '../support/ssh/sshd.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { openStream, type RemoteStream } from './remote-stream.ts';
import { findBelow, treeCpuSeconds } from './usage.ts';

const MIB = 1024 * 1024;
const QUICK_MIB = 256;
const FULL_MIB = 1024;

export async function measureStreams({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const pod = stack.use(await startPod('bench-ssh'));
  const sshd = await startSshd(stack, folder);
  const agent = await startBenchAgent(stack, folder, { wsUrl: pod.wsUrl });
  const mib = isFull ? FULL_MIB : QUICK_MIB;
  for (const way of ['down', 'up'] as const) {
    await using streams = new AsyncDisposableStack();
    const direct = await openStream(streams, { host: sshd, folder, way });
    const ours = await openStream(streams, { host: agent, folder, way });
    const wsproxy = await findBelow(ours.pid, 'wsproxy');
    say(`${rounds} rounds of ${mib} MiB ${way}`);
    for (let round = -1; round < rounds; round += 1) {
      const reference = await costOf(direct, mib * MIB, { all: [sshd.pid, direct.pid] });
      const cost = await costOf(ours, mib * MIB, {
        all: [agent.pid, pod.pid, ours.pid],
        agent: [agent.pid],
        relay: [pod.pid],
        wsproxy: [wsproxy],
      });
      // The first round warms up.
      if (round < 0) continue;
      figures.add(`ssh.${way}.sshd_all`, 's/GB', reference.cpu.all);
      for (const [name, cpu] of Object.entries(cost.cpu)) figures.add(`ssh.${way}.${name}`, 's/GB', cpu);
      figures.add(`ssh.${way}.cpu_ratio`, 'ratio', cost.cpu.all / reference.cpu.all);
      figures.add(`ssh.${way}.wall_ratio`, 'ratio', cost.seconds / reference.seconds);
    }
  }
}

interface StreamCost<Name extends string> {
  readonly seconds: number;
  /** CPU seconds for each GB, of the processes under each name with all below them. */
  readonly cpu: Readonly<Record<Name, number>>;
}

async function costOf<Name extends string>(
  stream: RemoteStream,
  bytes: number,
  pids: Readonly<Record<Name, readonly number[]>>,
): Promise<StreamCost<Name>> {
  const names = Object.keys(pids) as Name[];
  const usage = () => Promise.all(names.map((name) => treeCpuSeconds(pids[name])));
  const before = await usage();
  const seconds = await stream.move(bytes);
  const after = await usage();
  const costs = names.map((name, at) => [name, (((after[at] ?? 0) - (before[at] ?? 0)) * 1e9) / bytes]);
  return { seconds, cpu: Object.fromEntries(costs) as Record<Name, number> };
}
