// A stream down and up through ssh: the CPU time of every process that takes part, beside sshd direct; and what the agent keeps.
import { setTimeout as sleep } from 'node:timers/promises';
import { makeKeyFolder, type Sshd, startBenchAgent, startSshd } from '../support/ssh/sshd.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { timeRemote } from './remote.ts';
import { makeSource } from './transfers.ts';
import { endedChildrenSeconds, residentBytes, treeCpuSeconds } from './usage.ts';

const MIB = 1024 * 1024;
const QUICK_MIB = 256;
/** Many times what every process needs to start: 10 ms of an ended process are nothing in it. */
const FULL_MIB = 1024;

/** The far ends of a session have been waited for by then. */
const REAPED_WITHIN_MS = 500;
/** After the start of an agent, and after a transfer. */
const SETTLE_MS = 5_000;

type Way = 'down' | 'up';

/** One way with one host. */
interface Stream {
  readonly way: Way;
  readonly host: Sshd;
  readonly folder: string;
  /** A file of so many MiB. */
  readonly source: string;
  readonly mib: number;
}

function move({ way, host, folder, source, mib }: Stream): Promise<number> {
  if (way === 'up') return timeRemote({ host, folder, command: 'exec cat >/dev/null', input: source });
  return timeRemote({ host, folder, command: `exec head -c ${mib * MIB} /dev/zero` });
}

export async function measureStreams({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const pod = stack.use(await startPod('bench-ssh'));
  const sshd = await startSshd(stack, folder);
  const agent = await startBenchAgent(stack, folder, { wsUrl: pod.wsUrl });
  const mib = isFull ? FULL_MIB : QUICK_MIB;
  const source = await makeSource(folder, mib);
  const gb = (mib * MIB) / 1e9;
  /** ssh, and wsproxy below it, have ended and are counted as children of this process. */
  const costOf = async (stream: Stream, servers: readonly number[]) => {
    const spent = async () => [
      await endedChildrenSeconds(),
      ...(await Promise.all(servers.map((pid) => treeCpuSeconds([pid])))),
    ];
    const before = await spent();
    const seconds = await move(stream);
    await sleep(REAPED_WITHIN_MS);
    const cpu = (await spent()).map((after, index) => (after - (before[index] ?? 0)) / gb);
    return { seconds, cpu, all: cpu.reduce((sum, each) => sum + each, 0) };
  };
  for (const way of ['down', 'up'] as const) {
    say(`${rounds} rounds of ${mib} MiB ${way}`);
    for (let round = -1; round < rounds; round += 1) {
      const stream = { way, folder, source, mib };
      const direct = await costOf({ ...stream, host: sshd }, [sshd.pid]);
      const ours = await costOf({ ...stream, host: agent }, [agent.pid, pod.pid]);
      // The first round warms up.
      if (round < 0) continue;
      const [client = 0, agentCpu = 0, relay = 0] = ours.cpu;
      for (const [name, cpu] of Object.entries({
        sshd: direct.all,
        all: ours.all,
        ssh_and_wsproxy: client,
        agent: agentCpu,
        relay,
      }))
        figures.add(`ssh.${way}.${name}`, 's/GB', cpu);
      figures.add(`ssh.${way}.cpu_ratio`, 'ratio', ours.all / direct.all);
      figures.add(`ssh.${way}.wall_ratio`, 'ratio', ours.seconds / direct.seconds);
    }
  }
}

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
      await move({ way, host, folder, source, mib });
      await sleep(SETTLE_MS);
      const after = await residentBytes(host.pid);
      figures.add('growth.before', 'KiB', before / 1024);
      figures.add(`growth.${way}.after`, 'KiB', after / 1024);
      figures.add(`growth.${way}.ratio`, 'ratio', after / before);
    }
  }
}
