// SIGUSR1 and the binaries, from their first moment on: no debugger, and nothing of it in what a session starts.
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { launchAgent, readCard } from '../support/laptop/job.ts';
import { makeKey, openWay } from '../support/laptop/laptop.ts';
import { useWorld } from '../support/laptop/world.ts';
import { listeningSockets } from '../support/machine/listening-sockets.ts';

/** SIGUSR1 in the masks of /proc/PID/status. */
const USR1 = 1n << 9n;

const world = useWorld();

function maskOf(status: string, name: 'SigBlk' | 'SigIgn'): bigint {
  return BigInt(`0x${new RegExp(`^${name}:\\s+([0-9a-f]+)`, 'm').exec(status)?.[1] ?? '0'}`);
}

test('the agent is deaf to it as soon as it is Node, and its sessions are not', async () => {
  const key = await makeKey(world);
  const launched = await launchAgent(world, { args: ['--authorized-keys', `${key.file}.pub`], held: true });
  const pid = launched.process.child.pid ?? 0;
  const isDeaf = (): boolean => (maskOf(readFileSync(`/proc/${pid}/status`, 'utf8'), 'SigBlk') & USR1) !== 0n;
  while (!isDeaf()) await setImmediate();
  for (let n = 0; n < 50; n += 1) process.kill(pid, 'SIGUSR1');
  const agent = { ...launched, card: await readCard(launched.process) };
  for (let n = 0; n < 50; n += 1) process.kill(pid, 'SIGUSR1');
  const way = await openWay(world, agent, key);
  const { stdout: status } = await way.ssh([way.host, 'cat /proc/self/status']);
  expect(maskOf(status, 'SigBlk') & USR1).toBe(0n);
  expect(maskOf(status, 'SigIgn') & USR1).toBe(0n);
  expect(listeningSockets(pid)).toEqual([]);
  expect(launched.process.stderr).not.toMatch(/debugger/i);
});
