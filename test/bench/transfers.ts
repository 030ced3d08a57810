// sftp get and put: Debian's sftp through wsproxy, relay and agent, against the same through sshd direct.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../deploy/build/command.ts';
import { makeKeyFolder, startBenchAgent, startSshd } from '../support/ssh/sshd.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { openSftp, type SftpSession } from './sftp-session.ts';
import { cpuSeconds, findBelow, treeCpuSeconds } from './usage.ts';

const MIB = 1024 * 1024;
const QUICK_MIB = 128;
const FULL_MIB = 1024;

/** Makes the file that is moved; the result is its path. */
export async function makeSource(folder: string, mib: number): Promise<string> {
  const source = join(folder, 'source');
  const dd = ['if=/dev/urandom', `of=${source}`, 'bs=1M', `count=${mib}`, 'status=none'];
  await runCommand('dd', dd);
  return source;
}

/** One transfer, whose result is looked at and removed; how long it took, in seconds. @throws Error if it is not the same */
export async function timeTransfer(
  sftp: SftpSession,
  command: 'get' | 'put',
  source: string,
  target: string,
): Promise<number> {
  const seconds = await sftp.time(`${command} ${source} ${target}`);
  await runCommand('cmp', [source, target]);
  await rm(target);
  return seconds;
}

export async function measureSftp({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const pod = stack.use(await startPod('bench-sftp'));
  const sshd = await startSshd(stack, folder);
  const agent = await startBenchAgent(stack, folder, { wsUrl: pod.wsUrl });
  const mib = isFull ? FULL_MIB : QUICK_MIB;
  const source = await makeSource(folder, mib);
  const target = join(folder, 'target');
  const direct = await openSftp(stack, sshd, folder);
  const ours = await openSftp(stack, agent, folder);
  const pids = { agent: agent.pid, relay: pod.pid, wsproxy: await findBelow(ours.pid, 'wsproxy') };
  const usage = async () => ({
    agent: await cpuSeconds([pids.agent]),
    relay: await cpuSeconds([pids.relay]),
    wsproxy: await cpuSeconds([pids.wsproxy]),
    all: await treeCpuSeconds([agent.pid, pod.pid, ours.pid]),
  });
  for (const command of ['get', 'put'] as const) {
    say(`${rounds} rounds of sftp ${command} of ${mib} MiB`);
    for (let round = -1; round < rounds; round += 1) {
      const sshdBefore = await treeCpuSeconds([sshd.pid, direct.pid]);
      const reference = await timeTransfer(direct, command, source, target);
      const sshdCpu = (await treeCpuSeconds([sshd.pid, direct.pid])) - sshdBefore;
      const before = await usage();
      const seconds = await timeTransfer(ours, command, source, target);
      const after = await usage();
      // The first round warms up.
      if (round < 0) continue;
      const gb = (mib * MIB) / 1e9;
      figures.add(`sftp.${command}.sshd`, 'MB/s', (gb * 1000) / reference);
      figures.add(`sftp.${command}.ours`, 'MB/s', (gb * 1000) / seconds);
      figures.add(`sftp.${command}.ratio`, 'ratio', reference / seconds);
      figures.add(`sftp.${command}.sshd_cpu`, 's/GB', sshdCpu / gb);
      for (const name of ['agent', 'relay', 'wsproxy', 'all'] as const) {
        figures.add(`sftp.${command}.${name}_cpu`, 's/GB', (after[name] - before[name]) / gb);
      }
      figures.add(`sftp.${command}.cpu_ratio`, 'ratio', (after.all - before.all) / sshdCpu);
    }
  }
}
