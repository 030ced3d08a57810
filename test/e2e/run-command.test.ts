// `agent run`, built: the command is as it would be without the agent, and the door opens only where it fails.
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BackgroundJob } from '../support/laptop/background-job.ts';
import { readCard } from '../support/laptop/job.ts';
import { makeKey, openWay, type Way } from '../support/laptop/laptop.ts';
import type { KeySecret } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import type { E2eProcess } from '../support/process/started-process.ts';
import { until } from '../support/time/poll.ts';

/** By then a door is open on a busy machine, or what is in its way was met. */
const PATIENCE = '8s';

const world = useWorld();
let key: KeySecret;
/** In the place of a relay: counts who comes to the path that is its own, and no stranger who still dials what had its port. */
let listener: Server;
let comers = 0;
let nowhere: string;

beforeAll(async () => {
  key = await makeKey(world);
  const prefix = `/${randomUUID()}`;
  listener = createServer((request, response) => {
    if (request.url?.startsWith(prefix) === true) comers += 1;
    response.destroy();
  });
  listener.on('upgrade', (request, socket) => {
    if (request.url?.startsWith(prefix) === true) comers += 1;
    socket.destroy();
  });
  listener.listen(0, '127.0.0.1');
  await until('it listens', () => listener.listening);
  nowhere = `ws://127.0.0.1:${(listener.address() as { port: number }).port}${prefix}/agent`;
});
afterAll(() => {
  listener.close();
});

const open = (): Promise<BackgroundJob> => BackgroundJob.open(world);

/** A step whose command fails, and the way into it. */
async function failed(job: BackgroundJob, command: string): Promise<{ step: E2eProcess; way: Way }> {
  const step = job.step(`exec "$AGENT" run --authorized-keys '${key.file}.pub' "$URL" -- ${command}`);
  const card = await readCard(step);
  return { step, way: await openWay(world, { id: job.id, job: job.folder, process: step, card }, key) };
}

describe('a command that succeeds', () => {
  test('is all there is: its words, input, output, directory and environment, and no relay hears of it', async () => {
    const job = await open();
    const before = comers;
    const script = 'cat; printf "<%s>" "$0" "$@"; pwd; echo "$MINE"; echo complaint >&2';
    const { code, stdout, stderr } = await job.ended(
      `echo input | "$AGENT" run ${nowhere} -- sh -c '${script}' 'a b' -- '' '$x'`,
      { MINE: 'the job has it', CONVERGE_TOKEN: 'secret', LD_PRELOAD: '' },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'complaint\n' });
    expect(stdout).toBe(`input\n<a b><--><><$x>${job.folder}\nthe job has it\n`);
    expect(comers).toBe(before);
  });

  test('is not started where an option is wrong', async () => {
    const job = await open();
    const { code, stdout, stderr } = await job.ended(`"$AGENT" run --timout 5m ${nowhere} -- echo ran`);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('unknown option --timout');
  });

  test.each([
    ['a proxy that is not spoken', { HTTP_PROXY: 'socks5://x' }, /^agent: HTTP_PROXY names socks5:/],
    ['an empty list of people', { CONVERGE_ALLOW: '' }, /^agent: CONVERGE_ALLOW is empty/],
  ])('is started alone where the environment has %s, and keeps its code', async (_, env, fault) => {
    const job = await open();
    const before = comers;
    const { code, stdout, stderr } = await job.ended(
      `"$AGENT" run ${nowhere} -- sh -c 'echo ran; exit 7'`,
      env,
    );
    expect({ code, stdout }).toEqual({ code: 7, stdout: 'ran\n' });
    expect(stderr).toMatch(fault);
    expect(stderr).toContain('the command runs without Converge');
    expect(comers).toBe(before);
  });
});

describe.concurrent('a command that fails', () => {
  test.each([
    ['converge continue', 0],
    ['converge fail 9', 9],
    ['exit', 3],
    ['converge end', 3],
  ])('opens the job; after `%s` the step ends with %i', async (word, code) => {
    const job = await open();
    const { step, way } = await failed(job, `sh -c 'echo broken > here; exit 3'`);
    const shell = way.openTerminal();
    await shell.see(/[$#] $/);
    shell.type('cat here\n');
    await shell.see(/broken\r\n/);
    shell.type(`${word}\n`);
    await shell.exited;
    expect((await step.exited).code).toBe(code);
    expect(step.stderr).toContain('the command ended with 3; opening this job for SSH');
  });

  test.each([
    ['sh -c "exit 3"', 3],
    ['sh -c "kill -KILL \\$\\$"', 137],
    ['no-such-command', 127],
    ['/etc/passwd', 126],
    ['/', 126],
  ])('%s: to which nobody comes, the step ends with %i', async (command, code) => {
    const job = await open();
    const outcome = await job.ended(`"$AGENT" run --timeout ${PATIENCE} --quiet "$URL" -- ${command}`);
    expect(outcome.code).toBe(code);
    expect(outcome.stdout).toMatch(/ended: nobody logged in before the deadline\n$/);
  });

  test('keeps its code where the door cannot be opened, and says why', async () => {
    const job = await open();
    const gone = await job.ended(
      `"$AGENT" run --timeout ${PATIENCE} ws://127.0.0.1:1/agent -- sh -c "exit 3"`,
    );
    expect(gone.code).toBe(3);
    expect(gone.stderr).toMatch(/connection refused[^]*the job's own result stands: 3\n$/);
    const keyless = await job.ended('"$AGENT" run --authorized-keys /nowhere "$URL" -- sh -c "exit 3"');
    expect(keyless.code).toBe(3);
    expect(keyless.stderr).toMatch(/nowhere[^]*the job's own result stands: 3\n$/);
  });
});

describe.concurrent('a job that is cancelled', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'ends the command and what it started by %s, and opens nothing',
    async (signal) => {
      const job = await open();
      const [name, code] = signal === 'SIGTERM' ? ['TERM', 143] : ['INT', 130];
      // Both say that they were told, and the parent dies of it when its child is gone.
      const child = `trap 'echo child; exit 0' ${name}\necho ready\nwhile :; do sleep 0.05; done\n`;
      await writeFile(join(job.folder, 'child'), child);
      const parent = `trap 'echo parent; trap - ${name}; kill -${name} $$' ${name}\nsh child\n`;
      await writeFile(join(job.folder, 'parent'), parent);
      const step = job.step('exec "$AGENT" run "$URL" -- sh parent');
      await step.see(/ready/);
      process.kill(step.child.pid ?? 0, signal);
      expect((await step.exited).code).toBe(code);
      expect(step.stdout.match(/parent/g)).toHaveLength(1);
      expect(step.stdout.match(/child/g)).toHaveLength(1);
      expect(step.stdout).not.toContain('open for SSH');
    },
  );

  test('tells those who are in, and keeps the code of the command', async () => {
    const job = await open();
    const { step, way } = await failed(job, 'sh -c "exit 3"');
    const shell = way.openTerminal();
    await shell.see(/[$#] $/);
    step.kill('SIGTERM');
    await shell.see(/converge: this session ends now: the job was cancelled\r\n/);
    expect((await step.exited).code).toBe(3);
  });
});
