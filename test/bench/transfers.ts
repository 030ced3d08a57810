// sftp get and put: Debian's sftp through wsproxy, relay and agent, against the same through sshd direct.
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { E2eProcess } from '../support/process/started-process.ts';
import { makeKeyFolder, type Sshd, start, startBenchAgent, startSshd } from '../support/ssh/sshd.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { cpuSeconds, descendantsOf, programOf } from './usage.ts';

const MIB = 1024 * 1024;
const QUICK_MIB = 128;
const FULL_MIB = 1024;

/** An sftp that is logged in and takes commands. */
class Sftp {
  readonly #process: E2eProcess;
  #questions = 0;

  constructor(process: E2eProcess) {
    this.#process = process;
  }

  /** Of the `wsproxy` below it. */
  async wsproxyPid(): Promise<number> {
    const pids = await descendantsOf(this.#process.child.pid ?? 0);
    const programs = await Promise.all(pids.map(programOf));
    return pids[programs.findIndex((program) => program.includes('/wsproxy-'))] ?? 0;
  }

  /** Resolves when the command before it is done: the answer to one that nothing else says. */
  async settled(): Promise<void> {
    this.#questions += 1;
    this.#process.child.stdin?.write('pwd\n');
    const lines = Array.from({ length: this.#questions }, () => 'Remote working directory: [^]*?');
    await this.#process.see(new RegExp(lines.join('')));
  }

  /** Runs one command; the result is how long it took, in seconds. */
  async time(command: string): Promise<number> {
    const began = performance.now();
    this.#process.child.stdin?.write(`${command}\n`);
    await this.settled();
    return (performance.now() - began) / 1000;
  }
}

export async function measureSftp({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const pod = stack.use(await startPod('bench-sftp'));
  const hosts = [
    await startSshd(stack, folder),
    await startBenchAgent(stack, folder, { wsUrl: pod.wsUrl }),
  ] as const;
  const mib = isFull ? FULL_MIB : QUICK_MIB;
  const source = join(folder, 'source');
  await promisify(execFile)('dd', [
    'if=/dev/urandom',
    `of=${source}`,
    'bs=1M',
    `count=${mib}`,
    'status=none',
  ]);
  const open = async (host: Sshd): Promise<Sftp> => {
    const command = ['sftp', '-q', '-b', '-', ...host.options, host.destination] as const;
    const sftp = new Sftp(start(stack, `sftp to ${host.name}`, command, folder));
    await sftp.settled();
    return sftp;
  };
  const direct = await open(hosts[0]);
  const ours = await open(hosts[1]);
  const pids = { agent: hosts[1].pid, relay: pod.pid, wsproxy: await ours.wsproxyPid() };
  const usage = async () => ({
    agent: await cpuSeconds([pids.agent]),
    relay: await cpuSeconds([pids.relay]),
    wsproxy: await cpuSeconds([pids.wsproxy]),
  });
  for (const command of ['get', 'put'] as const) {
    say(`${rounds} rounds of sftp ${command} of ${mib} MiB`);
    for (let round = -1; round < rounds; round += 1) {
      const target = join(folder, 'target');
      const reference = await direct.time(`${command} ${source} ${target}`);
      await rm(target);
      const before = await usage();
      const seconds = await ours.time(`${command} ${source} ${target}`);
      const after = await usage();
      await promisify(execFile)('cmp', [source, target]);
      await rm(target);
      // The first round warms up.
      if (round < 0) continue;
      const gb = (mib * MIB) / 1e9;
      figures.add(`sftp.${command}.sshd`, 'MB/s', (gb * 1000) / reference);
      figures.add(`sftp.${command}.ours`, 'MB/s', (gb * 1000) / seconds);
      figures.add(`sftp.${command}.ratio`, 'ratio', reference / seconds);
      for (const name of ['agent', 'relay', 'wsproxy'] as const) {
        figures.add(`sftp.${command}.${name}_cpu`, 's/GB', (after[name] - before[name]) / gb);
      }
    }
  }
}
