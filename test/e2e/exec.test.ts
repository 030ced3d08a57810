// Commands without a terminal, through relay and wsproxy as people run them.
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { hashOf, makeBytes } from '../support/laptop/bytes.ts';
import { type E2eAgent, startAgent } from '../support/laptop/job.ts';
import { makeKey, openWay, type Way } from '../support/laptop/laptop.ts';
import { useWorld } from '../support/laptop/world.ts';

const MB = 1_000_000;
/** All that the pipes, windows and buffers between a command and a client that does not read may hold. */
const MAX_STUCK_BYTES = 60 * MB;
/** A command that has not moved for this many looks is stuck. */
const LOOKS_WITHOUT_CHANGE = 20;
const LOOK_EVERY_MS = 50;

const world = useWorld();
let agent: E2eAgent;
let way: Way;

beforeAll(async () => {
  const key = await makeKey(world);
  const env = { JOB_NAME: 'nightly build', CONVERGE_AUTHORIZED_KEYS: `${key.file}.pub` };
  agent = await startAgent(world, { env, held: true });
  way = await openWay(world, agent, key);
});

test('100 MB go in, come out and are the same', async () => {
  const source = join(way.laptop.folder, 'source');
  const result = join(way.laptop.folder, 'result');
  await makeBytes(source, 100 * MB);
  await using input = await open(source);
  await using output = await open(result, 'w');
  const { code, stderr } = await way.ssh([way.host, 'cat'], { stdin: input.fd, stdout: output.fd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect((await stat(result)).size).toBe(100 * MB);
  expect(await hashOf(result)).toBe(await hashOf(source));
});

test.each([0, 7, 255])('exit code %i arrives', async (status) => {
  expect(await way.ssh([way.host, `exit ${status}`])).toEqual({ code: status, stdout: '', stderr: '' });
});

test('a command killed by a signal ends ssh with 255, which was told so', async () => {
  const quiet = await way.ssh([way.host, 'kill -TERM $$']);
  expect(quiet).toEqual({ code: 255, stdout: '', stderr: '' });
  const { code, stderr } = await way.ssh(['-v', way.host, 'kill -TERM $$']);
  expect(code).toBe(255);
  expect(stderr).toContain('rtype exit-signal');
});

test('output and complaints arrive apart', async () => {
  const outcome = await way.ssh([way.host, 'echo out; echo complaint >&2; exit 3']);
  expect(outcome).toEqual({ code: 3, stdout: 'out\n', stderr: 'complaint\n' });
});

test('a command works where the job does, with its environment and what the client sets', async () => {
  const command = 'pwd; echo "$JOB_NAME"; echo "$MINE"; env | grep -c ^CONVERGE_';
  const { stdout, stderr } = await way.ssh(['-o', 'SetEnv=MINE="from the laptop"', way.host, command]);
  expect({ stdout, stderr }).toEqual({
    stdout: `${agent.job}\nnightly build\nfrom the laptop\n0\n`,
    stderr: '',
  });
});

test('a reader that stops holds up its command, and then gets every byte', async () => {
  await makeBytes(join(agent.job, 'big'), 150 * MB, 1);
  const remote = way.command('ssh', way.host, 'echo $$ > pid; exec cat big');
  const reader = 'until test -e go; do sleep 0.1; done; sha256sum';
  const client = way.laptop.start(['sh', '-c', `"$@" | { ${reader}; }`, 'sh', ...remote]);
  const readSoFar = await settled(() => bytesReadBy(join(agent.job, 'pid')));
  expect(readSoFar).toBeLessThan(MAX_STUCK_BYTES);
  await writeFile(join(way.laptop.folder, 'go'), '');
  expect((await client.exited).code).toBe(0);
  expect(client.stdout).toBe(`${await hashOf(join(agent.job, 'big'))}  -\n`);
});

/** What the process in the file has read by now; 0 before there is one. */
async function bytesReadBy(pidFile: string): Promise<number> {
  try {
    const io = await readFile(`/proc/${(await readFile(pidFile, 'utf8')).trim()}/io`, 'utf8');
    return Number(/^rchar: (\d+)$/m.exec(io)?.[1]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** Looks at a growing number until it has grown and then stays. */
async function settled(look: () => Promise<number>): Promise<number> {
  for (let last = 0, repeats = 0; ; ) {
    const now = await look();
    repeats = now === last && now > MB ? repeats + 1 : 0;
    if (repeats === LOOKS_WITHOUT_CHANGE) return now;
    last = now;
    await setTimeout(LOOK_EVERY_MS);
  }
}
