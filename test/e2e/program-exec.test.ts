// wsproxy exec and the events of wsproxy ssh, as a program uses them: the built wsproxy, the real ssh, an agent in a job.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createMortalRelay } from '../support/chaos/mortal-relay.ts';
import { type Card, type E2eAgent, startAgent } from '../support/laptop/job.ts';
import {
  type Laptop,
  type LaptopOptions,
  type LaptopOutcome,
  makeKey,
  openLaptop,
} from '../support/laptop/laptop.ts';
import { binary, useWorld } from '../support/laptop/world.ts';

const PASSWORD = 'the password of this job';

const world = useWorld();
let agent: E2eAgent;
let laptop: Laptop;
let url: string;
let temporary: string;

beforeAll(async () => {
  agent = await startAgent(world, { held: true, env: { CONVERGE_PASSWORD: PASSWORD } });
  laptop = await openLaptop(world);
  temporary = await world.makeFolder('tmp');
  url = clientUrlOf(agent.card);
});

/** With the fingerprint, as the card has it. */
function clientUrlOf({ shell }: Card): string {
  return /"(ws[^"]*)"/.exec(shell)?.[1] ?? '';
}

/** As a program does it: nobody answers, and the password is in the environment unless it is given. */
function exec(
  words: readonly string[],
  { env = { CONVERGE_PASSWORD: PASSWORD }, ...options }: LaptopOptions = {},
): Promise<LaptopOutcome> {
  // What a person has set for their own ssh must not answer.
  const nobody = { SSH_ASKPASS: '/bin/false', SSH_ASKPASS_REQUIRE: 'force', TMPDIR: temporary };
  return laptop.run([binary('wsproxy'), 'exec', ...words], { ...options, env: { ...nobody, ...env } });
}

describe('a command in a job', () => {
  test('gets exactly these words, its standard input, and gives its exit code', async () => {
    const words = ['a b', "it's", '$HOME', '*', '', '-n', 'x\ny', '"', '\\', 'ä'];
    const { code, stdout, stderr } = await exec([url, '--', 'printf', '%s|', ...words]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: words.map((word) => `${word}|`).join(''),
      stderr: '',
    });
    expect(await exec([url, '--', 'cat'], { input: 'to the job' })).toEqual({
      code: 0,
      stdout: 'to the job',
      stderr: '',
    });
    for (const status of [1, 3, 124, 254])
      expect(await exec([url, '--', 'sh', '-c', `echo out; echo err >&2; exit ${status}`])).toEqual({
        code: status,
        stdout: 'out\n',
        stderr: 'err\n',
      });
  });

  test('has no terminal, and one that is not there is the job’s 127', async () => {
    expect(await exec([url, '--', 'tty'])).toMatchObject({ code: 1, stdout: 'not a tty\n' });
    expect((await exec([url, '--', 'no-such-program'])).code).toBe(127);
  });

  test('ends at its time limit with 124, and a signal ends it with its own number', async () => {
    const limited = await exec(['--timeout', '4s', url, '--', 'sleep', '1000']);
    expect(limited).toMatchObject({ code: 124, stderr: 'wsproxy: the time limit of 4 seconds is over\n' });
    const running = laptop.start(
      [binary('wsproxy'), 'exec', url, '--', 'sh', '-c', 'echo begun; sleep 1000'],
      {
        env: { CONVERGE_PASSWORD: PASSWORD, TMPDIR: temporary },
      },
    );
    await running.see(/begun/);
    running.kill('SIGTERM');
    expect((await running.exited).code).toBe(143);
  });

  test('leaves nothing behind on the laptop', async () => {
    await exec([url, '--', 'true']);
    expect(await readdir(temporary)).toEqual([]);
  });
});

describe('a failure', () => {
  test.each<[string, () => readonly string[], Record<string, string>, RegExp]>([
    [
      'no password',
      () => [url, '--', 'true'],
      {},
      /^wsproxy: the job did not let abc in \(password\): it wants the password/,
    ],
    [
      'a wrong password',
      () => [url, '--', 'true'],
      { CONVERGE_PASSWORD: 'another one' },
      /^wsproxy: .*the password is not the one of this job/,
    ],
    [
      'no agent',
      () => ['--wait', '0', url.replace('/client/', '/client/no-'), '--', 'true'],
      {},
      /^wsproxy: no agent `no-/,
    ],
    [
      'no relay',
      () => ['--wait', '0', url.replace(/:\d+\//, ':1/'), '--', 'true'],
      {},
      /^wsproxy: relay \S+:1: connection refused/,
    ],
    [
      'another host key',
      () => [url.replace(/#.*/, `#SHA256:${'A'.repeat(43)}`), '--', 'true'],
      {},
      /^wsproxy: host key mismatch/,
    ],
  ])('over %s is 255 and one sentence, at once', async (_what, words, env, sentence) => {
    const { code, stdout, stderr } = await exec(words(), { env });
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('over a key that the job does not know names the way out, and with the right one there is none', async () => {
    const [right, wrong] = [await makeKey(world), await makeKey(world)];
    const keyed = await startAgent(world, { held: true, args: ['--authorized-keys', `${right.file}.pub`] });
    const words = (file: string): string[] => [
      clientUrlOf(keyed.card),
      '-i',
      file,
      '-o',
      'IdentitiesOnly=yes',
      '--',
      'echo',
      'in',
    ];
    expect(await exec(words(right.file), { env: {} })).toEqual({ code: 0, stdout: 'in\n', stderr: '' });
    const refused = await exec(words(wrong.file), { env: {} });
    expect(refused.code).toBe(255);
    expect(refused.stderr).toMatch(
      /^wsproxy: the job did not let abc in \(publickey\): it takes certain keys only/,
    );
  });
});

describe('the answer as JSON', () => {
  async function answer(...words: string[]): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await exec(['--json', ...words]);
    expect(stderr).toBe('');
    const json = JSON.parse(stdout) as Record<string, unknown>;
    expect(json['exitCode']).toBe(code);
    const { seconds, ...rest } = json;
    expect(seconds).toBeGreaterThan(0);
    return rest;
  }

  test('has the exit code and both outputs', async () => {
    expect(await answer(url, '--', 'sh', '-c', "printf 'ä\\n'; printf '\\377' >&2; exit 7")).toEqual({
      outcome: 'exited',
      exitCode: 7,
      stdout: 'ä\n',
      stdoutEncoding: 'utf-8',
      stdoutBytes: 3,
      stderr: '/w==',
      stderrEncoding: 'base64',
      stderrBytes: 1,
    });
  });

  test('gives no orders to the CI system whose log it may be printed into', async () => {
    const said = '##vso[task.setvariable variable=PATH]/evil\n::error::x\n##[error]y';
    const { stdout } = await exec(['--json', url, '--', 'printf', '%s', said]);
    expect(stdout).not.toMatch(/##|::/);
    expect(JSON.parse(stdout)).toMatchObject({ stdout: said, exitCode: 0 });
  });

  test('is bounded, and says how much there was', async () => {
    const line = `exec ${binary('wsproxy')} exec --json '${url}' -- head -c 3000000 /dev/zero >answer`;
    const env = { CONVERGE_PASSWORD: PASSWORD, TMPDIR: temporary };
    expect(await laptop.paste(line, { env })).toEqual({ code: 0, stdout: '', stderr: '' });
    const text = await readFile(join(laptop.folder, 'answer'), 'utf8');
    const { stdout, stdoutBytes } = JSON.parse(text) as { stdout: string; stdoutBytes: number };
    expect([stdout.length, stdoutBytes]).toEqual([1024 * 1024, 3_000_000]);
  });

  test('tells a failure from the command’s own 255', async () => {
    expect(await answer(url, '--', 'sh', '-c', 'exit 255')).toMatchObject({
      outcome: 'exited',
      exitCode: 255,
    });
    expect(await answer('--wait', '0', url.replace('/client/', '/client/no-'), '--', 'true')).toMatchObject({
      outcome: 'failed',
      reason: 'refused',
      message: expect.stringMatching(/^no agent/),
    });
  });

  test('reads the password from a file, which is not among the words of any process', async () => {
    const file = join(laptop.folder, 'password');
    await writeFile(file, `${PASSWORD}\n`, { mode: 0o600 });
    const running = laptop.start([binary('wsproxy'), 'exec', '--password-file', file, url, '--', 'cat'], {
      env: { TMPDIR: temporary },
    });
    running.child.stdin?.write('in\n');
    await running.see(/^in$/m);
    const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const lines = await Promise.all(
      processes.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    );
    expect(lines.some((line) => line.includes(PASSWORD))).toBe(false);
    running.child.stdin?.end();
    expect((await running.exited).code).toBe(0);
  });
});

describe('wsproxy ssh --json', () => {
  test('tells on standard error what happens, with codes, and leaves standard output to the command', async () => {
    await laptop.remember(PASSWORD);
    const { code, stdout, stderr } = await laptop.run([
      binary('wsproxy'),
      'ssh',
      '--json',
      url,
      'echo in; exit 3',
    ]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'in\n' });
    const events = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events).toContainEqual({
      event: 'connected',
      time: expect.any(String),
      id: agent.id,
      relay: new URL(url).host,
    });
    expect(events).toContainEqual({ event: 'ended', time: expect.any(String), exitCode: 3 });
  });

  test('tells a loss and that it goes on, when the relay comes back', async () => {
    const relay = await createMortalRelay(world);
    await relay.start();
    const other = await startAgent(world, {
      relay: `ws://127.0.0.1:${relay.port}`,
      env: { CONVERGE_PASSWORD: PASSWORD },
    });
    await laptop.remember(PASSWORD);
    const running = laptop.start([binary('wsproxy'), 'ssh', '--json', clientUrlOf(other.card), 'cat']);
    running.child.stdin?.write('before\n');
    await running.see(/^before$/m);
    await relay.end('SIGKILL');
    await running.see(/^\{"event":"lost",.*"message":"no way to the agent/m);
    await relay.start();
    await running.see(/^\{"event":"resumed",/m);
    running.child.stdin?.end('after\n');
    expect((await running.exited).code).toBe(0);
    expect(running.stdout).toBe('before\nafter\n');
    expect(running.stderr).toMatch(/\{"event":"ended","time":"[^"]*","exitCode":0\}/);
  });
});
