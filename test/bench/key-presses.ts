// Key presses: how long a letter takes to the far terminal and back, over what it takes with sshd direct.
//
// The floor is the same sshd behind the least that Node can put on the way: pipe() for the relay, and standard input
// and output on a socket for wsproxy.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeKeyFolder, type Sshd, start, startBenchAgent, startSshd } from '../support/ssh/sshd.ts';
import { percentile } from './figures.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { startPipe } from './reference.ts';

const QUICK_PRESSES = 150;
const FULL_PRESSES = 1000;

/** Not the same for all, so that no timer of anybody falls in step. */
const PAUSE_MS = { least: 2, more: 6 } as const;

const LANES = ['sshd', 'floor', 'ours'] as const;

/** An `ssh` with a terminal at the far end that gives back each byte. */
export async function openEcho(
  stack: AsyncDisposableStack,
  host: Sshd,
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

/** `sshd` behind two small programs of Node. */
async function startFloor(
  stack: AsyncDisposableStack,
  sshd: Sshd & { readonly port: number },
): Promise<Sshd> {
  const pipe = stack.use(await startPipe(sshd.port));
  const proxy = `${process.execPath} ${join(import.meta.dirname, 'proxy-program.ts')} ${pipe.port}`;
  return { ...sshd, name: 'floor', options: [...sshd.options, '-o', `ProxyCommand=${proxy}`] };
}

export async function measureKeys({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const pod = stack.use(await startPod('bench-keys'));
  const sshd = await startSshd(stack, folder);
  const lanes = {
    sshd: await openEcho(stack, sshd, folder),
    floor: await openEcho(stack, await startFloor(stack, sshd), folder),
    ours: await openEcho(stack, await startBenchAgent(stack, folder, { wsUrl: pod.wsUrl }), folder),
  };
  const presses = isFull ? FULL_PRESSES : QUICK_PRESSES;
  say(`${rounds} rounds of ${presses} key presses each`);
  for (let round = -1; round < rounds; round += 1) {
    const times = { sshd: [] as number[], floor: [] as number[], ours: [] as number[] };
    for (let press = 0; press < presses; press += 1) {
      for (const name of LANES) {
        await sleep(PAUSE_MS.least + Math.random() * PAUSE_MS.more);
        times[name].push(await lanes[name]());
      }
    }
    // The first round warms up.
    if (round < 0) continue;
    for (const [name, share] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const) {
      const [reference, floor, own] = LANES.map((lane) => percentile(times[lane], share));
      if (reference === undefined || floor === undefined || own === undefined) continue;
      figures.add(`keys.sshd.${name}`, 'ms', reference);
      figures.add(`keys.floor.${name}`, 'ms', floor);
      figures.add(`keys.ours.${name}`, 'ms', own);
      figures.add(`keys.floor_added.${name}`, 'ms', floor - reference);
      figures.add(`keys.added.${name}`, 'ms', own - reference);
    }
  }
}
