// Fairness: twenty copies at once, beside as many through sshd: when the last is done, and how alike they are.
import { makeKeyFolder, type Sshd, startBenchAgent, startSshd } from '../support/ssh/sshd.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { startRemote } from './remote.ts';

const COPIES = 20;
const MIB = 1024 * 1024;
const QUICK_MIB = 16;
const FULL_MIB = 64;

/** So many may be without a login at once. By default sshd refuses some of those beyond ten. */
const SSHD_SETTINGS = ['MaxStartups 100'];

export async function measureFairness({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const pod = stack.use(await startPod('bench-fairness'));
  const sshd = await startSshd(stack, folder, SSHD_SETTINGS);
  const agent = await startBenchAgent(stack, folder, { wsUrl: pod.wsUrl });
  const mib = isFull ? FULL_MIB : QUICK_MIB;
  say(`${rounds} rounds of ${COPIES} copies of ${mib} MiB at once`);
  for (let round = 0; round < rounds; round += 1) {
    const direct = await copyAtOnce(sshd, folder, mib * MIB);
    const ours = await copyAtOnce(agent, folder, mib * MIB);
    figures.add('fairness.sshd.last', 's', Math.max(...direct));
    figures.add('fairness.ours.last', 's', Math.max(...ours));
    figures.add('fairness.last_over_sshd', 'ratio', Math.max(...ours) / Math.max(...direct));
    // Of their rates; the first to be done had most.
    figures.add('fairness.sshd.least_over_most', 'ratio', Math.min(...direct) / Math.max(...direct));
    figures.add('fairness.ours.least_over_most', 'ratio', Math.min(...ours) / Math.max(...ours));
  }
}

/** All are logged in before the first byte; how long each took from then on, in seconds. */
async function copyAtOnce(host: Sshd, folder: string, bytes: number): Promise<number[]> {
  await using stack = new AsyncDisposableStack();
  const command = `echo READY >&2; read -r go; exec head -c ${bytes} /dev/zero`;
  const copies = Array.from({ length: COPIES }, () => startRemote({ host, folder, command }));
  stack.defer(async () => {
    for (const copy of copies) copy.kill('SIGKILL');
    await Promise.all(copies.map(({ exited }) => exited));
  });
  await Promise.all(copies.map((copy) => copy.see(/READY/)));
  const began = performance.now();
  for (const { child } of copies) child.stdin?.write('go\n');
  return await Promise.all(
    copies.map(async (copy) => {
      const { code } = await copy.exited;
      if (code !== 0) throw new Error(copy.transcript);
      return (performance.now() - began) / 1000;
    }),
  );
}
