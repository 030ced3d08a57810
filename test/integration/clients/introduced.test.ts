// wsproxy and tcptows at a real relay that asks who comes: tokens, certificates made by ssh-keygen, an ssh-agent, and what is said without.
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { ClusterKey } from '../../../services/relay/hop/cluster-key.ts';
import { openClientProgram } from '../../support/clients/test-program.ts';
import type { ClientProgram } from '../../support/process/client-program.ts';
import { ClientPolicy } from '../../support/relay/client-policy.ts';
import { EchoAgent } from '../../support/relay/echo-agent.ts';
import type { RunningRelay } from '../../support/relay/relay.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { makeKeyFile } from '../../support/ssh/key-file.ts';
import { startSshAgent } from '../../support/ssh/ssh-agent.ts';
import { certify, readPublicBlob, sshAdd, sshKeygen } from '../../support/ssh/ssh-keygen.ts';
import { until } from '../../support/time/poll.ts';

let folder: string;
let policy: ClientPolicy;
let relay: RunningRelay;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'introduced-'));
  await makeKeyFile(join(folder, 'ca'));
  // The relay reads its policy before it has a port.
  let port = 0;
  policy = new ClientPolicy({
    seal: new ClusterKey(['a secret of the test, longer than thirty-two characters']),
    authorities: [keyFingerprint(await readPublicBlob(join(folder, 'ca.pub')))],
    audience: () => `http://127.0.0.1:${port}`,
  });
  relay = await openRelay({ gateParts: policy.parts });
  ({ port } = relay);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function openAgent(): Promise<void> {
  const agent = new EchoAgent({ id: 'job', linkPort: relay.port });
  onTestFinished(() => agent[Symbol.asyncDispose]());
  await agent.linked();
}

function url(): string {
  return `ws://127.0.0.1:${relay.port}/client/job`;
}

function wsproxy(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): ClientProgram {
  return openClientProgram('wsproxy', [...args, url()], { HOME: folder, ...env });
}

/** Makes `NAME`, `NAME.pub` and, by the authority, `NAME-cert.pub`. */
async function makeCertified(name: string, ...options: readonly string[]): Promise<string> {
  const key = join(folder, name);
  await makeKeyFile(key);
  await certify(join(folder, 'ca'), key, ['-I', 'ada', '-n', 'ada', '-V', '-1m:+5m', ...options]);
  return key;
}

/** What it sends comes back, and nothing else is said on either output. */
async function expectEcho(program: ClientProgram): Promise<void> {
  let output = '';
  program.child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  program.child.stdin.write('hello');
  await until('the echo', () => output === 'hello' || program.child.exitCode !== null);
  program.child.stdin.end();
  expect({ code: await program.exit, output, errors: program.errors() }).toEqual({
    code: 0,
    output: 'hello',
    errors: '',
  });
}

/** It ends with code 4 and one line, which is given without the program's name. */
async function lineOf(program: ClientProgram): Promise<string> {
  expect(await program.exit).toBe(4);
  expect(program.errors()).toMatch(/^wsproxy: [^\n]+\n$/);
  return program.errors().slice('wsproxy: '.length, -1);
}

function host(): string {
  return `127.0.0.1:${relay.port}`;
}

describe('a token', () => {
  test('of the environment opens the door', async () => {
    await openAgent();
    await expectEcho(wsproxy([], { CONVERGE_TOKEN: 'good' }));
    expect(policy.checked).toEqual([{ kind: 'token', token: 'good' }]);
    expect(await relay.metric('converge_admissions_total{role="client",rule="staff",by="proof"}')).toBe(1);
  });

  test('in a file opens the door, and comes before that of the environment', async () => {
    await openAgent();
    const file = join(folder, 'token');
    await writeFile(file, 'good\n');
    await expectEcho(wsproxy(['--token-file', file], { CONVERGE_TOKEN: 'bad' }));
    expect(policy.checked).toHaveLength(1);
  });

  test('that is refused makes room for the next', async () => {
    await openAgent();
    const file = join(folder, 'token');
    await writeFile(file, 'bad');
    await expectEcho(wsproxy(['--token-file', file], { CONVERGE_TOKEN: 'good' }));
    expect(policy.checked.map((one) => 'token' in one && one.token)).toEqual(['bad', 'good']);
  });

  test('that is refused is said, and that of a file that is not there', async () => {
    expect(await lineOf(wsproxy([], { CONVERGE_TOKEN: 'bad' }))).toBe(
      `${host()} refused: no rule has this token (token_unknown)`,
    );
    expect(await lineOf(wsproxy(['--token-file', '/nowhere']))).toBe(
      `${host()} asks clients who they are: /nowhere does not exist`,
    );
  });
});

test('a program that has nothing to show is told what would do', async () => {
  expect(await lineOf(wsproxy())).toBe(
    `${host()} asks clients who they are: it takes a token: set CONVERGE_TOKEN, or pass --token-file FILE; or an SSH certificate: pass --identity FILE with FILE-cert.pub beside it, or add both to the ssh-agent`,
  );
});

test('a relay that asks nobody is shown nothing', async () => {
  relay = await openRelay();
  await openAgent();
  const key = join(folder, 'no such key');
  await expectEcho(wsproxy(['--identity', key, '--token-file', '/nowhere'], { CONVERGE_TOKEN: 'good' }));
  expect(policy.checked).toEqual([]);
});

describe('a certificate by ssh-keygen -s', () => {
  test('beside its key opens the door', async () => {
    await openAgent();
    await expectEcho(wsproxy(['--identity', await makeCertified('id')]));
    expect(policy.checked).toMatchObject([{ kind: 'certificate' }]);
  });

  test('in the ssh-agent opens the door, without an option', async () => {
    await openAgent();
    const key = await makeCertified('id');
    await using sshAgent = await startSshAgent(join(folder, 'agent'));
    await sshAdd(sshAgent.socketPath, [key]);
    await rename(key, join(folder, 'gone'));
    await expectEcho(wsproxy([], { SSH_AUTH_SOCK: sshAgent.socketPath }));
  });

  test.each([
    ['encrypted', (key: string) => sshKeygen(['-q', '-p', '-P', '', '-N', 'a secret', '-f', key]), ''],
    ['not there', (key: string) => rename(key, `${key}-elsewhere`), ''],
    ['not there, by the name of its public half', (key: string) => rename(key, `${key}-elsewhere`), '.pub'],
    ['not there, by its certificate', (key: string) => rename(key, `${key}-elsewhere`), '-cert.pub'],
  ])('in a file, whose key is %s, is signed for by the ssh-agent', async (_, hide, ending) => {
    await openAgent();
    const key = await makeCertified('id');
    const other = await makeCertified('other');
    await using sshAgent = await startSshAgent(join(folder, 'agent'));
    // Alone: ssh-add takes the certificate beside it, too.
    await rename(`${key}-cert.pub`, join(folder, 'aside'));
    await sshAdd(sshAgent.socketPath, [other]);
    await sshAdd(sshAgent.socketPath, [key]);
    await rename(join(folder, 'aside'), `${key}-cert.pub`);
    await hide(key);
    await expectEcho(wsproxy(['--identity', `${key}${ending}`], { SSH_AUTH_SOCK: sshAgent.socketPath }));
    const blob = await readPublicBlob(`${key}-cert.pub`);
    expect(policy.checked).toMatchObject([{ kind: 'certificate', blob }]);
  });

  test('that has expired is not shown, and said', async () => {
    const key = await makeCertified('id', '-V', '-2h:-1h');
    expect(await lineOf(wsproxy(['--identity', key]))).toMatch(
      /asks clients who they are: the certificate of the key SHA256:\S+ \(.*id-cert\.pub\) is not good at this time: get a new one$/,
    );
    expect(policy.checked).toEqual([]);
  });

  test('by another authority is refused, and said', async () => {
    const key = join(folder, 'id');
    await makeKeyFile(key);
    await makeKeyFile(join(folder, 'other-ca'));
    await certify(join(folder, 'other-ca'), key, ['-I', 'ada', '-n', 'ada']);
    expect(await lineOf(wsproxy(['--identity', key]))).toMatch(/refused: .*\(certificate_unknown_ca\)$/);
  });

  test('for a relay by another name is worth nothing: what was typed is what is signed for', async () => {
    const key = await makeCertified('id');
    const program = openClientProgram(
      'wsproxy',
      ['--identity', key, `ws://localhost:${relay.port}/client/job`],
      { HOME: folder },
    );
    await program.exit;
    expect(program.errors()).toMatch(
      /did not sign this challenge for client job at http:\/\/127\.0\.0\.1:\d+, the name by which to dial this relay \(certificate_bad_signature\)/,
    );
  });
});

test.each([
  ['that is a key without a certificate', 'a key is there without a certificate'],
  ['that is encrypted', 'is encrypted'],
  ['that is the public half, without an ssh-agent', 'needed; there is no ssh-agent (SSH_AUTH_SOCK)'],
])('an identity %s is said', async (kind, words) => {
  const key = join(folder, 'id');
  await makeKeyFile(key);
  if (kind.includes('encrypted')) await sshKeygen(['-q', '-p', '-P', '', '-N', 'a secret', '-f', key]);
  const file = kind.includes('public half') ? `${key}.pub` : key;
  expect(await lineOf(wsproxy(['--identity', file]))).toContain(words);
});

test('one signature does for all questions while the agent is waited for', async () => {
  const program = wsproxy(['--identity', await makeCertified('id')]);
  await until('it has asked again', () => policy.checked.length > 1);
  const signatures = new Set(
    policy.checked.map((one) => 'signature' in one && one.signature.toString('hex')),
  );
  expect(signatures.size).toBe(1);
  await openAgent();
  await expectEcho(program);
});

test('twenty connections of tcptows make one proof, and so do those that come later', async () => {
  await openAgent();
  const key = await makeCertified('id');
  const program = openClientProgram('tcptows', ['--identity', key, '0', url()], { HOME: folder });
  let listening = '';
  program.child.stdout.setEncoding('utf8').on('data', (text: string) => {
    listening += text;
  });
  await until('tcptows listens', () => listening.endsWith('\n'));
  const port = Number(/ssh -p (\d+)/.exec(listening)?.[1]);
  const echoed = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write('hello');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('hello');
    return socket;
  };
  await Promise.all(Array.from({ length: 20 }, echoed));
  await echoed();
  expect(policy.checked).toHaveLength(1);
  expect(await relay.metric('converge_admissions_total{role="client",rule="staff",by="pass"}')).toBe(20);
  expect(program.errors()).toBe('');
});
