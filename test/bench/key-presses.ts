// Key presses: how long a letter takes to the far terminal and back, over what it takes with sshd direct.
import { setTimeout as sleep } from 'node:timers/promises';
import { startPod } from '../support/bench-pod.ts';
import { makeKeyFolder, type SshHost, start, startBenchAgent, startSshd } from '../support/bench-ssh.ts';
import { percentile } from './figures.ts';
import type { PartOptions } from './part.ts';

const QUICK_PRESSES = 150;
const FULL_PRESSES = 1000;

/** Not the same for all, so that no timer of anybody falls in step. */
const PAUSE_MS = { least: 2, more: 6 } as const;

/** An `ssh` with a terminal at the far end that gives back each byte. */
async function openEcho(
  stack: AsyncDisposableStack,
  host: SshHost,
  cwd: string,
): Promise<() => Promise<number>> {
  const command = [
    'ssh',
    '-tt',
    ...host.options,
    host.destination,
    'stty raw -echo; echo READY; exec cat',
  ] as const;
  const { child } = start(stack, `ssh to ${host.name}`, command, cwd);
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
  let heard = (text: string): void => {
    if (text.includes('READY')) isReady();
  };
  child.stdout?.on('data', (text: string) => heard(text));
  await ready;
  return async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const began = performance.now();
    heard = (text) => {
      if (text.includes('x')) resolve(performance.now() - began);
    };
    child.stdin?.write('x');
    return promise;
  };
}

export async function measureKeys({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const pod = stack.use(await startPod('bench-keys'));
  const direct = await openEcho(stack, await startSshd(stack, folder), folder);
  const ours = await openEcho(stack, await startBenchAgent(stack, folder, { wsUrl: pod.wsUrl }), folder);
  const presses = isFull ? FULL_PRESSES : QUICK_PRESSES;
  say(`${rounds} rounds of ${presses} key presses each`);
  for (let round = -1; round < rounds; round += 1) {
    const times = { direct: [] as number[], ours: [] as number[] };
    for (let press = 0; press < presses; press += 1) {
      await sleep(PAUSE_MS.least + Math.random() * PAUSE_MS.more);
      times.direct.push(await direct());
      await sleep(PAUSE_MS.least + Math.random() * PAUSE_MS.more);
      times.ours.push(await ours());
    }
    // The first round warms up.
    if (round < 0) continue;
    for (const [name, share] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const) {
      const [reference, own] = [percentile(times.direct, share), percentile(times.ours, share)];
      figures.add(`keys.sshd.${name}`, 'ms', reference);
      figures.add(`keys.ours.${name}`, 'ms', own);
      figures.add(`keys.added.${name}`, 'ms', own - reference);
    }
  }
}
