// The agent in the background of a job, built, with stock ssh: it outlives its step, and `agent wait` holds the job for people.
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BackgroundJob, type BackgroundJobOptions } from '../support/laptop/background-job.ts';
import { makeKey } from '../support/laptop/laptop.ts';
import type { KeySecret } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { until } from '../support/time/poll.ts';

const IS_ROOT = process.getuid?.() === 0;
const SOMEBODY = 12_345;

const world = useWorld(['curl']);
const jobs: BackgroundJob[] = [];
let key: KeySecret;

beforeAll(async () => {
  key = await makeKey(world);
});
afterAll(() => {
  for (const job of jobs) job.close();
});

async function open(options: BackgroundJobOptions = {}): Promise<BackgroundJob> {
  const job = await BackgroundJob.open(world, options);
  jobs.push(job);
  return job;
}

describe.concurrent('an agent in the background', () => {
  test('outlives its step, lets people in again and again, and ends with the job when nobody is in', async () => {
    const job = await open();
    const { way } = await job.start(key);
    expect(job.agents()).toHaveLength(1);
    expect(await way.ssh([way.host, 'pwd'])).toMatchObject({ code: 0, stdout: `${job.folder}\n` });
    expect(await way.ssh([way.host, 'converge status'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('ends with the job'),
    });
    const status = await job.ended('cd / && "$AGENT" status --json');
    expect(JSON.parse(status.stdout)).toMatchObject({ id: job.id, clients: 0, held: false });
    const wait = await job.ended('cd / && "$AGENT" wait');
    expect(wait).toMatchObject({ code: 0, stderr: '' });
    expect(wait.stdout).toMatch(/abc logged in .*\n[^]*ended: the job is done and nobody is in\n$/);
    expect(wait.stdout).not.toContain('this job is open for SSH');
    await job.untilGone();
    // Nothing is left of it but the program, for the next one.
    expect(await readdir(job.state)).toEqual([expect.stringMatching(/^program-/)]);
  });

  test.each([
    ['converge continue', 0, 'a client let the job go on (converge continue)'],
    ['converge fail 7', 7, 'a client made the job fail (converge fail)'],
    ['converge fail', 1, 'a client made the job fail (converge fail)'],
  ])('holds the job while somebody is in, until `%s`', async (word, code, reason) => {
    const job = await open();
    const { way } = await job.start(key);
    const shell = way.openTerminal();
    await shell.see(/[$#] $/);
    const wait = job.step('"$AGENT" wait; echo "the step goes on with $?"; exit 5');
    await wait.see(/the job is done and waits: 1 client is logged in/);
    expect(wait.isRunning).toBe(true);
    shell.type(`${word}\n`);
    await shell.see(new RegExp(`this session ends now: ${reason.replace(/[()]/g, '\\$&')}`));
    await wait.exited;
    expect(wait.stdout).toContain(`the step goes on with ${code}\n`);
    expect(wait.stdout).toContain(`ended: ${reason}\n`);
  });

  test('holds the job for somebody who was lost while it ran, until they have come back and left', async () => {
    const job = await open({ env: { CONVERGE_RESUME_WINDOW: '1s' } });
    const { way } = await job.start(key);
    const ssh = way.startSsh([way.host, 'echo in; cat']);
    await ssh.see(/in/);
    // With its wsproxy: nobody says goodbye.
    ssh.kill('SIGKILL');
    await until('it is lost', async () =>
      (await job.ended('"$AGENT" status --json')).stdout.includes('"clients":0'),
    );
    const wait = job.step('"$AGENT" wait');
    await wait.see(/the job is done and waits for somebody to connect/);
    expect(wait.stdout).toMatch(/was lost after .* without a goodbye/);
    expect(wait.isRunning).toBe(true);
    expect((await way.ssh([way.host, 'true'])).code).toBe(0);
    expect(await wait.exited).toMatchObject({ code: 0 });
    expect(wait.stdout).toMatch(/ended: the last client left\n$/);
  });

  test('keeps what somebody said before the job was done', async () => {
    const job = await open();
    const { way } = await job.start(key);
    await way.ssh([way.host, 'converge fail 7']);
    await job.untilGone();
    expect(await job.ended('"$AGENT" wait')).toMatchObject({ code: 7 });
    // Once: the next job of that name has nothing to do with it.
    expect(await job.ended('"$AGENT" wait')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('no agent named'),
    });
  });

  test('says nothing of one job to another that gives its agent the same name', async () => {
    const job = await open();
    const gitlab = (id: string) => ({ GITLAB_CI: 'true', CI_JOB_ID: id, CONVERGE_NAME: 'web' });
    await job.ended(`"$AGENT" start --authorized-keys '${key.file}.pub' "$URL"`, gitlab('1'));
    await job.killAgent();
    expect((await job.ended('"$AGENT" wait', gitlab('2'))).stderr).toContain('no agent named web');
    expect((await job.ended('"$AGENT" wait', gitlab('1'))).stderr).toContain('was killed');
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
    'tells people that the job was cancelled: %s to wait',
    async (signal) => {
      const job = await open();
      const { way } = await job.start(key);
      const shell = way.openTerminal();
      await shell.see(/[$#] $/);
      const wait = job.step('exec "$AGENT" wait');
      await wait.see(/1 client is logged in/);
      wait.kill(signal);
      await shell.see(/converge: this session ends now: the job was cancelled\r\n/);
      const exit = await wait.exited;
      if (signal !== 'SIGKILL') {
        expect(exit.code).toBe(0);
        expect(wait.stdout).toMatch(/ended: the job was cancelled\n$/);
      }
      await job.untilGone();
    },
  );

  test('is one of a name at a time; stop ends it, and a name that is dead is free', async () => {
    const job = await open();
    await job.start(key);
    const second = await job.ended('"$AGENT" start "$URL-2"');
    expect(second).toMatchObject({ code: 2, stdout: '' });
    expect(second.stderr).toMatch(
      /^agent: an agent named default is in the background already \(process \d+\): agent stop /,
    );
    expect(job.agents()).toHaveLength(1);
    expect(await job.ended('"$AGENT" stop')).toEqual({ code: 0, stdout: '', stderr: '' });
    await job.untilGone();
    expect((await job.ended('"$AGENT" status')).code).toBe(1);
    expect((await job.ended('"$AGENT" stop')).code).toBe(0);
    await job.ended('"$AGENT" start --quiet "$URL-3"');
    await job.killAgent(`${job.url}-3`);
    const again = await job.ended('"$AGENT" start --quiet "$URL-4" && "$AGENT" stop');
    expect(again).toMatchObject({ code: 0, stderr: '' });
  });

  test('says what is wrong, and leaves nothing, where it does not open', async () => {
    const job = await open();
    // Long enough for a first attempt on a busy machine: only that says why.
    const refused = await job.ended('"$AGENT" start --timeout 8s --max-lifetime 8s ws://127.0.0.1:1/agent');
    expect(refused).toMatchObject({ code: 3, stdout: '' });
    expect(refused.stderr).toContain('connection refused');
    expect(await job.ended('"$AGENT" start --authorized-keys /nowhere "$URL"')).toMatchObject({ code: 2 });
    expect(await job.ended('"$AGENT" start --bad "$URL"')).toMatchObject({ code: 2 });
    expect(await readdir(job.state)).toEqual([expect.stringMatching(/^program-/)]);
    await job.untilGone();
  });

  test('tells what its program says that does not get as far as its own words', async () => {
    const job = await open();
    // A claim that is dead, and a start that looks at it for ever, by a clock of tomorrow.
    await job.ended('"$AGENT" start --quiet --name x "$URL"');
    await job.killAgent();
    const name = (await readdir(job.state)).find((entry) => /^[0-9a-f]{16}$/.test(entry)) ?? '';
    const claim = join(job.state, name);
    await writeFile(`${claim}.lock`, '');
    const tomorrow = Date.now() / 1_000 + 86_400;
    await utimes(`${claim}.lock`, tomorrow, tomorrow);
    const { code, stdout, stderr } = await job.ended('"$AGENT" start --name x "$URL"');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^agent: .*others take this name again and again/);
    // That of the dead one.
    expect((await readdir(job.state)).filter((entry) => entry.startsWith('run-'))).toHaveLength(1);
  });

  test('from a program that is gone has its command in the sessions, and is waited for by the copy that start names', async () => {
    const job = await open();
    const script = `${world.relay.url}/docs/agent.sh`;
    const line = `curl -fsSL ${script} | sh -s -- start --authorized-keys '${key.file}.pub' "$URL"`;
    const started = job.step(line);
    const { way } = await job.opened(started, key);
    // The script's own folder is gone.
    expect((await readdir(job.temporary)).filter((name) => name.startsWith('.converge.'))).toEqual([]);
    const [, copy = ''] = /as its last step: (\S+) wait$/m.exec(started.stderr) ?? [];
    expect(copy).toMatch(new RegExp(`^${job.state}/program-[0-9a-f]+/agent$`));
    expect((await way.ssh([way.host, 'converge status'])).stdout).toContain(`id       ${job.id}`);
    expect((await job.ended(`cd / && ${copy} status`)).stdout).toContain(`id       ${job.id}`);
    // By name, with a program that was just fetched.
    const waited = await job.ended(`curl -fsSL ${script} | sh -s -- wait --linger 1s`);
    expect(waited).toMatchObject({ code: 0 });
    expect(waited.stdout).toMatch(/ended: the job is done and nobody is in\n$/);
    await job.untilGone();
  });

  test('needs no HOME, no standard files and no TMPDIR that can be written to', async () => {
    const job = await open();
    // The state is where that of every test run on this machine is.
    const name = `${job.id}-${randomUUID()}`;
    const place = `unset HOME; export TMPDIR=/proc/nowhere; export CONVERGE_NAME=${name}`;
    const start = `"$AGENT" start --authorized-keys '${key.file}.pub' "$URL"`;
    expect(await job.ended(`${place}; ${start} <&- >&- 2>&-`)).toMatchObject({ code: 0 });
    expect(job.agents()).toHaveLength(1);
    // Whatever TMPDIR is by then.
    expect((await job.ended('"$AGENT" status', { CONVERGE_NAME: name })).code).toBe(0);
    expect(await job.ended(`${place}; "$AGENT" wait`)).toMatchObject({ code: 0 });
    await job.untilGone();
  });

  test('outlives a hangup and the process group of its step', async () => {
    const job = await open();
    const step = job.step(`"$AGENT" start --authorized-keys '${key.file}.pub' "$URL"; echo up; sleep 600`);
    await step.see(/^up$/m);
    step.kill('SIGHUP');
    step.kill('SIGTERM');
    step.kill('SIGKILL');
    await step.exited;
    expect(await job.ended('"$AGENT" status')).toMatchObject({ code: 0 });
    await job.ended('"$AGENT" stop');
  });

  test('ends with the step that was killed before it could say how to get in, and the step with it', async () => {
    const job = await open();
    // A relay that takes the connection and says nothing.
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    try {
      await until('it listens', () => silent.listening);
      const { port } = silent.address() as { port: number };
      const url = `ws://127.0.0.1:${port}/agent/${job.id}`;
      const step = job.step(`exec "$AGENT" start ${url}`);
      await until('an agent', () => job.agents(url).length > 0);
      step.kill('SIGTERM');
      expect((await step.exited).code).toBe(143);
      await until('none', () => job.agents(url).length === 0);

      const left = job.step(`exec "$AGENT" start ${url}`);
      await until('another agent', () => job.agents(url).length > 0);
      await job.killAgent(url);
      expect((await left.exited).code).toBe(137);
      expect(left.stderr).toMatch(
        /^agent: the agent was killed by signal 9 before it could say how to get in$/m,
      );
    } finally {
      silent.close();
    }
  });

  test.runIf(IS_ROOT)('trusts nothing that another user has put in its place', async () => {
    const job = await open({ uid: SOMEBODY });
    const mine = await open({ uid: SOMEBODY + 1 });
    await chmod(job.temporary, 0o1777);
    const state = join(job.temporary, `converge-agents-${SOMEBODY + 1}`);
    const shared = { TMPDIR: job.temporary, CONVERGE_NAME: mine.id };
    // The other one is there first: with a link to what it chooses, then with a folder of its own.
    await symlink(mine.folder, state);
    const start = `"$AGENT" start --quiet "$URL" && "$AGENT" stop`;
    expect(await mine.ended(start, shared)).toMatchObject({ code: 0 });
    expect((await readdir(mine.folder)).filter((name) => /^(run|program)-/.test(name))).toEqual([]);
    await rm(state);
    const mean = await job.ended(`mkdir -m 777 '${state}' && "$AGENT" start --quiet "$URL"`, shared);
    expect(mean.code).toBe(0);
    await mkdir(join(job.folder, 'x'));
    await writeFile(join(state, 'x'), '');
    for (const name of await readdir(job.state)) {
      if (name.startsWith('program-')) continue;
      await symlink(join(job.state, name), join(state, name)).catch(() => undefined);
    }
    const waited = await mine.ended('"$AGENT" wait', shared);
    expect(waited).toMatchObject({ code: 0, stderr: expect.stringContaining('no agent named') });
    await job.ended('"$AGENT" stop', shared);
  });
});
