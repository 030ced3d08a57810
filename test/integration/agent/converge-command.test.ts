// The `converge` command as a person in a session runs it: the shim on PATH, a process, the socket, the agent.
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#shared/time/clock.ts';
import { AccessList } from '../../../services/agent/access/access-list.ts';
import { allowKey } from '../../../services/agent/access/key-allowance.ts';
import { PasswordGuard } from '../../../services/agent/access/password-guard.ts';
import {
  type ConvergeCommand,
  installConvergeCommand,
} from '../../../services/agent/converge-command/answering-end.ts';
import type { JobVerdict } from '../../../services/agent/expiry/agent-end.ts';
import { createExpiryWatch, type ExpiryWatch } from '../../../services/agent/expiry/expiry-watch.ts';
import { POSIX_COMMAND_PLACE } from '../../../services/agent/platform/posix/posix-command-place.ts';
import { makeTestKey } from '../../support/ssh/test-key.ts';

const PROGRAM = [process.execPath, join(import.meta.dirname, 'converge-command-program.ts')];
const TIMEOUT_MS = 600_000;

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

describe('converge in a session', () => {
  let directory: string;
  let watch: ExpiryWatch;
  let command: ConvergeCommand;
  let ends: string[];
  let verdicts: JobVerdict[];
  let list: AccessList;

  beforeEach(async () => {
    // A quote and a space: nothing in the shim may break on them.
    directory = await mkdtemp(join(tmpdir(), "it's a job-"));
    await mkdir(join(directory, 'work'));
    ends = [];
    verdicts = [];
    list = new AccessList({ clock: systemClock, authorizedKeys: [] });
    watch = createExpiryWatch({
      clock: systemClock,
      holdFile: join(directory, 'work', '.hold'),
      timeoutMs: TIMEOUT_MS,
      maxLifetimeMs: 6 * 3_600_000,
    });
    watch.start({
      onWarning: () => undefined,
      onEnd: (reason) => ends.push(reason),
      onHoldChanged: () => undefined,
      onDeadlineMoved: () => undefined,
    });
    watch.clientLoggedIn();
    const guard = new PasswordGuard({ clock: systemClock, onTooMany: () => undefined });
    const start = await installConvergeCommand({
      clock: systemClock,
      place: POSIX_COMMAND_PLACE,
      program: PROGRAM,
      temporaryDirectory: directory,
      path: '/usr/bin:/bin',
    });
    if (start.kind === 'unavailable') throw new Error(start.detail);
    command = start.command;
    command.answer({
      status: () => ({
        id: 'job-1',
        publicUrl: 'https://relay.example.org',
        isRelayConnected: true,
        detached: 0,
        password: guard.state,
        expiry: watch.snapshot(),
      }),
      hold: (durationMs = TIMEOUT_MS) => watch.hold(durationMs),
      release: () => watch.release(),
      password(state) {
        if (state === 'on') guard.turnOn();
        else guard.turnOff();
        return guard.state;
      },
      allow: (line) => allowKey({ kind: 'keys', user: 'abc', access: list }, line),
      end: () => watch.end('ended_by_user'),
      judge: (verdict) => void verdicts.push(verdict),
      stop: () => watch.end('stopped'),
      jobDone: (lingerMs) => watch.jobDone(lingerMs),
      cancel: () => watch.end('cancelled'),
    });
  });
  afterEach(async () => {
    await command.stop();
    watch.stop();
    await rm(directory, { recursive: true, force: true });
  });

  function converge(...argv: string[]): Promise<Outcome> {
    // As in a job whose own Node options would keep ours from starting.
    const env = { ...command.env, NODE_OPTIONS: '--require /nonexistent' };
    return new Promise((resolve) => {
      execFile('/bin/sh', ['-c', 'exec converge "$@"', 'sh', ...argv], { env }, (error, stdout, stderr) => {
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
          stdout,
          stderr,
        });
      });
    });
  }

  test('tells the status', async () => {
    const { code, stdout } = await converge('status');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^id {7}job-1\nrelay {4}https:\/\/relay\.example\.org \(connected\)\nclients {2}1 logged in\n/,
    );
    expect(stdout).toMatch(/ends {5}\S* ?\d\d:\d\d UTC \(in (10 minutes|9 minutes \d+ seconds)\)\n/);
  });

  test('tells the status to programs, in times from now on', async () => {
    const { code, stdout } = await converge('status', '--json');
    const { endsInMs, ...rest } = JSON.parse(stdout) as Record<string, unknown>;
    expect({ code, ...rest }).toEqual({
      code: 0,
      id: 'job-1',
      clients: 1,
      held: false,
      neverAfterMs: expect.any(Number) as number,
    });
    expect(endsInMs).toBeGreaterThan(TIMEOUT_MS - 60_000);
    expect(endsInMs).toBeLessThanOrEqual(TIMEOUT_MS);
  });

  test('lets in a key more, in quotes or not, and no line that is none', async () => {
    const { blob, type } = makeTestKey('ssh-ed25519');
    const line = `${type} ${blob.toString('base64')} ada's page`;
    expect(await converge('allow', line)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^the key SHA256:\S{43} may enter, until the end\n$/) as string,
    });
    expect(await converge('allow', ...line.split(' '))).toMatchObject({ code: 0 });
    expect(list.judge(blob, '192.0.2.1')).toMatchObject({ kind: 'key' });
    expect(await converge('allow', 'ssh-ed25519 AAAA')).toMatchObject({ code: 1, stdout: '' });
    expect(await converge('allow', `command="id" ${line}`)).toMatchObject({ code: 1, stdout: '' });
  });

  test('takes a word on the job, with a code that is one', async () => {
    expect(await converge('continue')).toMatchObject({
      code: 0,
      stdout: 'the job goes on: every session closes now\n',
    });
    expect(await converge('fail', '7')).toMatchObject({
      code: 0,
      stdout: 'the job fails with 7: every session closes now\n',
    });
    await converge('fail');
    for (const words of [['0'], ['256'], ['-1'], ['1.5'], ['x'], [''], ['1', '2']]) {
      expect(await converge('fail', ...words), words.join(' ')).toMatchObject({ code: 2, stdout: '' });
    }
    expect(await converge('continue', '0')).toMatchObject({ code: 2 });
    await expect
      .poll(() => verdicts)
      .toEqual([{ kind: 'continue' }, { kind: 'fail', exitCode: 7 }, { kind: 'fail', exitCode: 1 }]);
  });

  test('holds for a duration, or for the timeout, and releases', async () => {
    expect(await converge('hold', '2h')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^held until .* \(in (2 hours|1 hour 59 minutes)\), also when everybody/,
      ) as string,
    });
    await access(join(directory, 'work', '.hold'));
    expect((await converge('hold')).stdout).toContain('held until');
    expect((await converge('release')).stdout).toMatch(/^released: ends when the last client leaves, or at /);
    await expect(access(join(directory, 'work', '.hold'))).rejects.toThrow('ENOENT');
    expect((await converge('release')).stdout).toMatch(/^it was not held: /);
  });

  test('says when the longest lifetime cuts a hold', async () => {
    expect((await converge('hold', '3d')).stdout).toContain('it cannot be held for longer');
  });

  test('says why a hold is not possible', async () => {
    await rm(join(directory, 'work'), { recursive: true });
    expect(await converge('hold', '1h')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('converge: cannot hold: ENOENT') as string,
    });
  });

  test('turns password login off and on again', async () => {
    const off = 'password off: nobody else gets in until `converge password on`\n';
    expect(await converge('password', 'off')).toEqual({ code: 0, stdout: off, stderr: '' });
    expect((await converge('status')).stdout).toContain(off);
    const on = 'password on, after 0 of 100 wrong ones\n';
    expect(await converge('password', 'on')).toEqual({ code: 0, stdout: on, stderr: '' });
    expect((await converge('status')).stdout).toContain(on);
  });

  test('ends the agent after it has answered', async () => {
    expect(await converge('end')).toEqual({
      code: 0,
      stdout: 'ending: every session closes now\n',
      stderr: '',
    });
    await expect.poll(() => ends).toEqual(['ended_by_user']);
    expect(await converge('status')).toMatchObject({ code: 1, stderr: 'converge: this agent is ending\n' });
  });

  test.each([
    [[], 'which command?'],
    [['stop'], 'no command "stop"'],
    [['hold', 'long'], 'hold: "long" is not a duration'],
    [['hold', '1h', '2h'], 'hold takes one duration'],
    [['password'], 'password takes one word, on or off'],
    [['password', 'maybe'], 'password takes one word, on or off'],
    [['status', 'now'], 'status takes --json or nothing, got "now"'],
    [['allow'], 'allow takes a key, in quotes'],
  ])('explains itself when it is used wrongly: %j', async (argv, text) => {
    const { code, stdout, stderr } = await converge(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`converge: ${text}`);
    expect(stderr).toContain('usage: converge COMMAND');
  });

  test('has a help', async () => {
    expect(await converge('help')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('hold [DURATION]') as string,
    });
  });

  test('lives in a directory that nobody else can enter, and that a stop removes', async () => {
    const parent = join(command.binDirectory, '..');
    expect((await stat(parent)).mode & 0o777).toBe(0o700);
    await command.stop();
    await command.stop();
    await expect(access(parent)).rejects.toThrow('ENOENT');
  });
});
