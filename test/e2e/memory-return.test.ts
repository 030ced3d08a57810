// What an agent keeps of its memory after a transfer: next to nothing more than before.
import { readFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import type { E2eAgent } from '../support/laptop/job.ts';
import type { Way } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { until } from '../support/time/poll.ts';

const MIB = 2 ** 20;
/** Of a goal of ours: resident after a transfer, over before it. */
const MOST_GROWTH = 1.2;
/** A transfer leaves more than that behind where nothing is given back: twice as much as before. */
const MOVED_BYTES = 256 * MIB;
/** The agent looks every two seconds. */
const GIVEN_BACK_WITHIN_MS = 30_000;

const world = useWorld();
let agent: E2eAgent;
let way: Way;
let before: number;

// Each its own: one that has given memory back does so again after five minutes.
beforeEach(async () => {
  ({ agent, way } = await openJob(world, { held: true }));
  before = await residentBytes();
});

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${agent.process.child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

async function becomesSmall(): Promise<void> {
  const isSmall = async (): Promise<boolean> => (await residentBytes()) <= MOST_GROWTH * before;
  await until(`at most ${MOST_GROWTH} of ${before} bytes`, isSmall, GIVEN_BACK_WITHIN_MS, 100);
}

/** Runs `command` in the job, with `input` and `output` of shell at this end. */
async function move(command: string, input: string, output: string): Promise<void> {
  const line = `${input} | "$@" ${output}`;
  const words = way.command('ssh', way.host, command);
  const { code, stdout, stderr } = await way.laptop.run(['sh', '-c', line, 'sh', ...words]);
  expect({ code, stdout: stdout.trim(), stderr }).toEqual({ code: 0, stdout: `${MOVED_BYTES}`, stderr: '' });
}

describe('the agent is as small as before', () => {
  test('after bytes have come out of the job', async () => {
    await move(`head -c ${MOVED_BYTES} /dev/zero`, 'true', '| wc -c');
    await becomesSmall();
  });

  test('after bytes have gone into the job', async () => {
    await move('wc -c', `head -c ${MOVED_BYTES} /dev/zero`, '');
    await becomesSmall();
  });

  test('while those who moved them are still in', async () => {
    const command = `head -c ${MOVED_BYTES} /dev/zero | tee /dev/stderr | wc -c; exec cat`;
    const words = way.command('ssh', way.host, command);
    const ssh = way.laptop.start(['sh', '-c', 'exec "$@" 2>/dev/null', 'sh', ...words]);
    await ssh.see(new RegExp(`^${MOVED_BYTES}$`, 'm'));
    await becomesSmall();
    expect(ssh.isRunning).toBe(true);
    ssh.child.stdin?.end();
    expect((await ssh.exited).code).toBe(0);
  });
});
