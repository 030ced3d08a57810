// Key presses at a person's pace, when everything on the way has gone to sleep in between; idle, and beside a download.
import { setTimeout as sleep } from 'node:timers/promises';
import { makeKeyFolder, type Sshd, startBenchAgent, startSshd } from '../support/ssh/sshd.ts';
import { percentile } from './figures.ts';
import { openEcho } from './key-presses.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { startRemote } from './remote.ts';

const PACES_MS = [100, 300] as const;
/** Of the pace, so that no timer of anybody falls in step. */
const JITTER = 0.2;
const QUICK_PRESSES = 15;
/** In each round; the 99th percentile is that of all rounds together. */
const FULL_PRESSES = 60;
/** A download is at full speed by then. */
const UNDER_WAY_MS = 1_500;

const WARM_UP_PRESSES = 5;

export async function measurePaces({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const pod = stack.use(await startPod('bench-paces'));
  const sshd = await startSshd(stack, folder);
  const agent = await startBenchAgent(stack, folder, { wsUrl: pod.wsUrl });
  const hosts = [
    { name: 'sshd', host: sshd, press: await openEcho(stack, sshd, folder) },
    { name: 'ours', host: agent, press: await openEcho(stack, agent, folder) },
  ] as const;
  const presses = isFull ? FULL_PRESSES : QUICK_PRESSES;
  for (const beside of ['idle', 'download'] as const) {
    for (const pace of PACES_MS) {
      say(`${rounds} rounds of ${presses} key presses, one in ${pace} ms, ${beside}`);
      const all = { sshd: [] as number[], ours: [] as number[] };
      for (let round = 0; round < rounds; round += 1) {
        const medians: number[] = [];
        for (const { name, host, press } of hosts) {
          await using download = new AsyncDisposableStack();
          if (beside === 'download') await startDownload(download, host, folder);
          const times = await pressAtPace(press, pace, presses);
          all[name].push(...times);
          medians.push(percentile(times, 0.5));
        }
        const [reference = Number.NaN, own = Number.NaN] = medians;
        const prefix = `paces.${beside}.${pace}`;
        figures.add(`${prefix}.sshd.p50`, 'ms', reference);
        figures.add(`${prefix}.ours.p50`, 'ms', own);
        figures.add(`${prefix}.added.p50`, 'ms', own - reference);
      }
      const [reference, own] = [percentile(all.sshd, 0.99), percentile(all.ours, 0.99)];
      figures.add(`paces.${beside}.${pace}.sshd.p99`, 'ms', reference);
      figures.add(`paces.${beside}.${pace}.ours.p99`, 'ms', own);
      figures.add(`paces.${beside}.${pace}.added.p99`, 'ms', own - reference);
    }
  }
}

async function pressAtPace(press: () => Promise<number>, pace: number, presses: number): Promise<number[]> {
  const times: number[] = [];
  for (let count = -WARM_UP_PRESSES; count < presses; count += 1) {
    await sleep(pace * (1 - JITTER + 2 * JITTER * Math.random()));
    const time = await press();
    if (count >= 0) times.push(time);
  }
  return times;
}

/** As fast as it goes, in a session of its own, until `stack` ends. */
async function startDownload(stack: AsyncDisposableStack, host: Sshd, folder: string): Promise<void> {
  const ssh = startRemote({ host, folder, command: 'echo READY >&2; exec cat /dev/zero' });
  stack.defer(async () => {
    ssh.kill('SIGKILL');
    await ssh.exited;
  });
  await ssh.see(/READY/);
  await sleep(UNDER_WAY_MS);
}
