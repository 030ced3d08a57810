// The `converge` command as a person in a session runs it: the shim on PATH, a process, the socket, the agent.
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { RevocationList } from '#shared/ssh/revocation-list.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import { systemClock } from '#shared/time/clock.ts';
import { AccessList } from '../../../services/agent/access/access-list.ts';
import { allowKey } from '../../../services/agent/access/key-allowance.ts';
import { PasswordGuard } from '../../../services/agent/access/password-guard.ts';
import {
  type ConvergeCommand,
  installConvergeCommand,
} from '../../../services/agent/converge-command/answering-end.ts';
import { COMPLETED_SHELLS, completionScript } from '../../../services/agent/converge-command/completion.ts';
import {
  MAX_TOLD_CLIENTS,
  type PresentPerson,
} from '../../../services/agent/converge-command/status-reply.ts';
import type { JobVerdict } from '../../../services/agent/expiry/agent-end.ts';
import { createExpiryWatch, type ExpiryWatch } from '../../../services/agent/expiry/expiry-watch.ts';
import { POSIX_COMMAND_PLACE } from '../../../services/agent/platform/posix/posix-command-place.ts';
import { makeTestKey } from '../../support/ssh/test-key.ts';
import { until } from '../../support/time/poll.ts';

const PROGRAM = [process.execPath, join(import.meta.dirname, 'converge-command-program.ts')];
const TIMEOUT_MS = 600_000;
const revokedKey = makeTestKey('ssh-ed25519');

/** Nobody is called so, but somebody may be. */
const LONG_NAMED: PresentPerson = {
  user: new Untrusted('\u001b[2J"\u2028\\'.repeat(200)),
  address: '192.0.2.7',
  since: 0,
  credential: { kind: 'password' },
  isDetached: false,
  shells: 1,
  commands: 0,
  fileTransfers: 0,
  forwards: 0,
};

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
  let people: readonly PresentPerson[];

  beforeEach(async () => {
    // A quote and a space: nothing in the shim may break on them.
    directory = await mkdtemp(join(tmpdir(), "it's a job-"));
    await mkdir(join(directory, 'work'));
    ends = [];
    verdicts = [];
    people = [];
    list = new AccessList({
      clock: systemClock,
      authorizedKeys: [],
      revoked: new RevocationList({ keys: [revokedKey.blob], sha1: [], sha256: [], certificates: [] }),
    });
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
        people,
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
      /^id {7}job-1\nrelay {4}https:\/\/relay\.example\.org \(connected\)\nclients {2}0 logged in\n/,
    );
    expect(stdout).toMatch(/ends {5}\S* ?\d\d:\d\d UTC \(in (10 minutes|9 minutes \d+ seconds)\), /);
  });

  test('tells the status to programs whole, however many are in and whatever they are called', async () => {
    people = Array.from({ length: 3 * MAX_TOLD_CLIENTS }, () => LONG_NAMED);
    const { code, stdout } = await converge('status', '--json');
    const { endsInMs, id, people: told } = JSON.parse(stdout) as Record<string, unknown>;
    expect({ code, id, told }).toMatchObject({ code: 0, id: 'job-1' });
    expect(told).toHaveLength(MAX_TOLD_CLIENTS);
    expect(stdout).toMatch(/^[^\p{C}]*\n$/u);
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
    await until('all are heard', () => verdicts.length >= 3);
    expect(verdicts).toEqual([
      { kind: 'continue' },
      { kind: 'fail', exitCode: 7 },
      { kind: 'fail', exitCode: 1 },
    ]);
  });

  test('says no to a key that is revoked, and why', async () => {
    const { blob, type } = revokedKey;
    const { code, stdout, stderr } = await converge('allow', `${type} ${blob.toString('base64')}`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(`converge: the key ${keyFingerprint(blob)} is revoked (--revoked-keys)\n`);
    expect(list.judge(blob, '192.0.2.1').kind).not.toBe('key');
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

  test('holds without the file where that cannot be written, and lets go', async () => {
    await rm(join(directory, 'work'), { recursive: true });
    const held = await converge('hold', '1h');
    expect(held).toMatchObject({ code: 0, stderr: '' });
    expect(held.stdout).toMatch(
      /^held until .*, also when everybody leaves\n\.hold cannot be written \(ENOENT.*\): the agent holds without it\n/,
    );
    expect((await converge('status')).stdout).toContain('held without .hold, which cannot be written');
    expect((await converge('release')).stdout).toMatch(/^released: ends when the last client leaves/);
    expect((await converge('status')).stdout).toContain('none: ends when the last client leaves');
  });

  test.each(COMPLETED_SHELLS)('prints what completes it in %s', async (shell) => {
    expect(await converge('completion', shell)).toEqual({
      code: 0,
      stdout: completionScript(shell),
      stderr: '',
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
    await until('it ends', () => ends.length > 0);
    expect(ends).toEqual(['ended_by_user']);
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
    [['completion'], 'completion takes one word, bash or zsh'],
    [['completion', 'fish'], 'completion takes one word, bash or zsh'],
  ])('explains itself when it is used wrongly: %j', async (argv, text) => {
    const { code, stdout, stderr } = await converge(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`converge: ${text}`);
    const [name] = argv;
    const known = name !== undefined && name !== 'stop';
    expect(stderr).toContain(known ? `usage: converge ${name} ` : 'usage: converge COMMAND\n');
    // The fault stays in sight in a terminal of 24 lines; who has named no command sees all of them.
    expect(stderr.includes('release ')).toBe(name === undefined);
    expect(stderr.split('\n').length).toBeLessThan(name === undefined ? 40 : 8);
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
