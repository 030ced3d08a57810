// Who may enter, with Debian's ssh, ssh-keygen and ssh-agent.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { AccessList } from '../../../services/agent/access/access-list.ts';
import { type AuthorizedKey, parseAuthorizedKeys } from '../../../services/agent/access/authorized-keys.ts';
import { LOGIN_GRACE_MS } from '../../../services/agent/crowd/login-limits.ts';
import { type Clock, systemClock } from '../../../services/shared/time/clock.ts';
import { type SshHost, type SshOptions, startSshHost } from '../../support/ssh/ssh-host.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { until } from '../../support/time/poll.ts';

const HOST = 'abc@127.0.0.1';
let host: SshHost;

afterEach(async () => {
  await host.stop();
});

/** Types the password for ssh, as SSH_ASKPASS. */
function typing(password: string): SshOptions {
  const askpass = path.join(host.folder, 'askpass');
  writeFileSync(askpass, `#!/bin/sh\necho '${password}'\n`, { mode: 0o700 });
  return { env: { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' } };
}

function makeKey(folder: string, name: string, ...args: string[]): string {
  const file = path.join(folder, name.replace(' ', '-'));
  spawnSync('ssh-keygen', ['-q', '-N', '', '-C', name, '-f', file, ...args]);
  return file;
}

function accessBy(authorizedKeys: readonly AuthorizedKey[]): AccessList {
  return new AccessList({ clock: systemClock, authorizedKeys });
}

function keysOf(file: string): readonly AuthorizedKey[] {
  const parsed = parseAuthorizedKeys(readFileSync(file, 'utf8'), file);
  if (parsed.kind === 'refused') throw new Error(parsed.problems.join('; '));
  return parsed.keys;
}

/** The delays of failed logins, a twentieth as long. */
const quickClock: Clock = {
  now: () => systemClock.now(),
  wallTime: () => systemClock.wallTime(),
  after: (ms, callback) => systemClock.after(ms / 20, callback),
};

test('the right password lets in, and the login is told with address and user', async () => {
  host = await startSshHost({ password: 'correct horse' });
  expect((await host.ssh([HOST, 'echo in'], typing('correct horse'))).stdout.toString()).toBe('in\n');
  expect(host.logins).toMatchObject([{ user: 'abc', method: 'password', address: '127.0.0.1' }]);
  await until('the logout is told', () => host.logouts.length === 1);
  expect(host.logouts[0]).toMatchObject({ user: 'abc', reason: 'client_left' });
});

test('a wrong password is refused, counted and told; the sixth failure ends the connection', async () => {
  host = await startSshHost({ password: 'correct horse', clock: quickClock });
  const outcome = await host.ssh(['-o', 'NumberOfPasswordPrompts=9', HOST, 'true'], typing('battery staple'));
  expect(outcome.code).toBe(255);
  expect(host.refusals.map((refusal) => refusal.attempt)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(host.refusals[0]).toMatchObject({ user: 'abc', method: 'password', detail: 'wrong password' });
  expect(host.logins).toEqual([]);
});

test('a wrong user is told the same as a wrong password, and the log names the right one', async () => {
  host = await startSshHost({ password: 'correct horse', clock: quickClock });
  const args = ['-o', 'NumberOfPasswordPrompts=1', 'root@127.0.0.1', 'true'];
  const outcome = await host.ssh(args, typing('correct horse'));
  expect(outcome.stderr).toContain('Permission denied (password)');
  expect(host.refusals[0]?.detail).toBe('user "root" is not "abc"');
});

test.each([
  ['ed25519', ['-t', 'ed25519']],
  ['rsa', ['-t', 'rsa', '-b', '2048']],
  ['ecdsa 256', ['-t', 'ecdsa', '-b', '256']],
  ['ecdsa 521', ['-t', 'ecdsa', '-b', '521']],
])('an authorized %s key lets in', async (_name, args) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'converge-test-'));
  const file = makeKey(folder, 'own key', ...args);
  host = await startSshHost({
    credentials: { kind: 'keys', user: 'abc', access: accessBy(keysOf(`${file}.pub`)) },
  });
  const outcome = await host.ssh(['-i', file, HOST, 'echo in']);
  rmSync(folder, { recursive: true });
  expect(outcome.stdout.toString()).toBe('in\n');
  expect(host.logins).toMatchObject([{ method: 'key', key: { comment: 'own key' } }]);
});

test('an rsa key that signs with SHA-1 is refused, and the log says why', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'converge-test-'));
  const file = makeKey(folder, 'old', '-t', 'rsa', '-b', '2048');
  host = await startSshHost({
    credentials: { kind: 'keys', user: 'abc', access: accessBy(keysOf(`${file}.pub`)) },
    clock: quickClock,
  });
  const outcome = await host.ssh(['-o', 'PubkeyAcceptedAlgorithms=ssh-rsa', '-i', file, HOST, 'true']);
  rmSync(folder, { recursive: true });
  expect(outcome.code).toBe(255);
  expect(host.logins).toEqual([]);
});

test('only the method that can work is offered', async () => {
  host = await startSshHost();
  const outcome = await host.ssh(['-o', 'PubkeyAuthentication=no', HOST, 'true']);
  expect(outcome.stderr).toContain('Permission denied (publickey)');
});

test('an unknown key is refused, and the log has its fingerprint and the right user', async () => {
  host = await startSshHost({ credentials: { kind: 'keys', user: 'abc', access: accessBy([]) } });
  const outcome = await host.ssh(['root@127.0.0.1', 'true']);
  expect(outcome.stderr).toContain('Permission denied (publickey)');
  const { stdout } = spawnSync('ssh-keygen', ['-l', '-f', host.keyFile], { encoding: 'utf8' });
  const fingerprint = stdout.split(' ')[1] ?? 'none';
  await until('the refusal is told', () => host.refusals.length === 1);
  expect(host.refusals[0]?.detail).toBe(`user "root" is not "abc": ssh-ed25519 ${fingerprint}`);
});

test('eight strange keys in the ssh-agent do not lock out the ninth, and no failure is counted', async () => {
  host = await startSshHost();
  const strangers = Array.from({ length: 8 }, (_, index) => [
    '-i',
    makeKey(host.folder, `stranger-${index}`, '-t', 'ed25519'),
  ]).flat();
  const outcome = await host.ssh([...strangers, HOST, 'echo in']);
  expect(outcome.stdout.toString()).toBe('in\n');
  expect(host.refusals).toEqual([]);
  expect(host.logins).toMatchObject([{ method: 'key', key: { comment: 'test key' } }]);
});

test('whoever says nothing is cut at the login deadline, and traffic does not extend it', async () => {
  const clock = new ManualClock();
  const served: Socket[] = [];
  host = await startSshHost({ clock, onSocket: (socket) => served.push(socket) });
  const silent = connect(host.port, '127.0.0.1');
  const chatty = connect(host.port, '127.0.0.1');
  const ended = Promise.all(
    [silent, chatty].map((socket) => new Promise((resolve) => socket.once('close', resolve))),
  );
  for (const socket of [silent, chatty]) socket.on('error', () => {}).resume();
  const heard = (): number => served.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  await until('both are served', () => clock.pending >= 2);
  clock.advance(LOGIN_GRACE_MS - 1);
  chatty.write('SSH-2.0-slow\r\n\0');
  await until('it is heard', () => heard() === 'SSH-2.0-slow\r\n\0'.length);
  expect(host.logs.filter((line) => line.event === 'connection cut')).toEqual([]);
  clock.advance(1);
  clock.advance(5_000);
  await ended;
  expect(host.logs.filter((line) => line.fields['reason'] === 'no login in time')).toHaveLength(2);
});

test('garbage instead of SSH ends that connection and nothing else', async () => {
  host = await startSshHost();
  const socket = connect(host.port, '127.0.0.1');
  socket.on('error', () => {}).resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await closed;
  expect((await host.ssh([HOST, 'echo in'])).stdout.toString()).toBe('in\n');
});

test('the host key that ssh sees is the one whose fingerprint is told', async () => {
  host = await startSshHost();
  await host.ssh([HOST, 'true']);
  const listed = spawnSync('ssh-keygen', ['-l', '-f', `${host.folder}/known_hosts`], { encoding: 'utf8' });
  expect(listed.stdout).toContain(host.fingerprint);
});
