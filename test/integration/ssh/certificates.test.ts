// People with SSH certificates: Debian's ssh and ssh-keygen, with OpenSSH's sshd as the judge of the same files in the same run.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AccessList } from '../../../services/agent/access/access-list.ts';
import { parseUserAuthorities } from '../../../services/agent/access/user-authorities.ts';
import { readRevocations } from '../../../services/shared/ssh/revocation-file.ts';
import { systemClock } from '../../../services/shared/time/clock.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { type KeyType, makeKeyFile } from '../../support/ssh/key-file.ts';
import { runPython } from '../../support/ssh/ssh-clients.ts';
import {
  CLIENT_ENV,
  outcomeOf,
  type SshHost,
  type SshOutcome,
  startSshHost,
} from '../../support/ssh/ssh-host.ts';
import { certify, sshKeygen } from '../../support/ssh/ssh-keygen.ts';
import { makeKeyFolder, type Sshd, startSshd } from '../../support/ssh/sshd.ts';
import { until } from '../../support/time/poll.ts';

/** Both servers let in the same name, which a certificate has to name. */
const USER = userInfo().username;

/** Trusted by both, `gone-ca` though it is revoked; `other-ca` is trusted by none. */
const TRUSTED = ['ca', 'ecdsa-ca', 'rsa-ca', 'gone-ca'];

const stack = new AsyncDisposableStack();
let folder: string;
let sshd: Sshd & { readonly port: number };
let host: SshHost;

const file = (name: string): string => path.join(folder, name);

beforeAll(async () => {
  await ensureCommands(['ssh', 'ssh-agent', 'ssh-keygen', 'sshd', 'sftp-server']);
  folder = await makeKeyFolder(stack);
  const types: Readonly<Record<string, KeyType>> = {
    'ecdsa-ca': 'ecdsa',
    'rsa-ca': 'rsa',
    ecdsa: 'ecdsa',
    rsa: 'rsa',
  };
  const names = [...TRUSTED, 'other-ca', 'ed25519', 'ecdsa', 'rsa', 'gone'];
  for (const name of names) await makeKeyFile(file(name), types[name]);
  await writeFile(file('cas.pub'), TRUSTED.map((name) => readFileSync(file(`${name}.pub`), 'utf8')).join(''));
  await writeFile(
    file('revoked.txt'),
    `serial: 13\nid: ada who left\nkey: ${publicKey('gone')}\nkey: ${publicKey('gone-ca')}\n`,
  );
  const made = await sshKeygen(['-q', '-k', '-f', file('krl'), '-s', file('ca.pub'), file('revoked.txt')]);
  expect(made).toMatchObject({ isGood: true });
  sshd = await startSshd(stack, folder, [
    `TrustedUserCAKeys ${file('cas.pub')}`,
    `RevokedKeys ${file('krl')}`,
    'MaxAuthTries 20',
  ]);
  const read = parseUserAuthorities(readFileSync(file('cas.pub'), 'utf8'), 'cas.pub');
  const revoked = readRevocations(readFileSync(file('krl')));
  if (read.kind === 'failed' || revoked.kind === 'malformed') throw new Error('not read');
  const { authorities } = read;
  const access = new AccessList({
    clock: systemClock,
    authorizedKeys: [],
    authorities,
    principals: [USER],
    revoked: revoked.list,
  });
  host = await startSshHost({ credentials: { kind: 'keys', user: USER, access } });
  stack.defer(() => host.stop());
});

afterAll(() => stack.disposeAsync());

function publicKey(name: string): string {
  return readFileSync(file(`${name}.pub`), 'utf8').trim();
}

/** Runs ssh against a port, with one key and its certificate, if there is one. */
function run(port: number, key: string, args: readonly string[], stdin?: string): Promise<SshOutcome> {
  const settings = ['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=no', 'LogLevel=ERROR'];
  const options = [...settings, `UserKnownHostsFile=${file('known_hosts')}`, `Port=${port}`].flatMap(
    (option) => ['-o', option],
  );
  const argv = ['-F', 'none', '-i', file(key), ...options, ...args];
  return outcomeOf(
    spawn('ssh', argv, { env: CLIENT_ENV }),
    stdin === undefined ? undefined : Buffer.from(stdin),
  );
}

/** The same command on both. */
async function onBoth(
  key: string,
  args: readonly string[],
  stdin?: string,
): Promise<{ ours: SshOutcome; theirs: SshOutcome }> {
  const [ours, theirs] = await Promise.all([
    run(host.port, key, args, stdin),
    run(sshd.port, key, args, stdin),
  ]);
  return { ours, theirs };
}

let count = 0;

/** A key of its own for this certificate, so that no file is written twice. */
async function personWith(
  options: readonly string[],
  { authority = 'ca', key = 'ed25519' } = {},
): Promise<string> {
  const name = `person-${count++}`;
  await copyFile(file(key), file(name));
  await copyFile(file(`${key}.pub`), file(`${name}.pub`));
  await certify(file(authority), file(name), ['-I', 'ada', ...options]);
  return name;
}

const TO = `${USER}@127.0.0.1`;

describe('a certificate lets in, or does not, as with sshd', () => {
  test.each<[string, 'in' | 'out', string[], { authority?: string; key?: string }?]>([
    ['for the login name', 'in', ['-n', USER]],
    ['for it among others', 'in', ['-n', `jane,${USER}`]],
    ['of an ECDSA key, as step-ca makes them', 'in', ['-n', USER], { key: 'ecdsa', authority: 'ecdsa-ca' }],
    ['of an RSA key', 'in', ['-n', USER], { key: 'rsa' }],
    ['by an RSA authority with SHA-512', 'in', ['-n', USER, '-t', 'rsa-sha2-512'], { authority: 'rsa-ca' }],
    ['by an RSA authority with SHA-256', 'in', ['-n', USER, '-t', 'rsa-sha2-256'], { authority: 'rsa-ca' }],
    ['by an RSA authority with SHA-1', 'out', ['-n', USER, '-t', 'ssh-rsa'], { authority: 'rsa-ca' }],
    ['for somebody else', 'out', ['-n', 'jane']],
    ['for a pattern of names', 'out', ['-n', '*']],
    ['for nobody', 'out', []],
    ['that has expired', 'out', ['-n', USER, '-V', '20200101:20200102']],
    ['that is not yet valid', 'out', ['-n', USER, '-V', '20990101:20990102']],
    ['of a host', 'out', ['-h', '-n', USER]],
    ['by another authority', 'out', ['-n', USER], { authority: 'other-ca' }],
    ['by a revoked authority', 'out', ['-n', USER], { authority: 'gone-ca' }],
    ['with a revoked serial number', 'out', ['-n', USER, '-z', '13']],
    ['with the serial number after it', 'in', ['-n', USER, '-z', '14']],
    ['with a revoked key ID', 'out', ['-n', USER, '-I', 'ada who left']],
    ['of a revoked key', 'out', ['-n', USER], { key: 'gone' }],
    ['from here', 'in', ['-n', USER, '-O', 'source-address=192.0.2.0/24,127.0.0.0/8']],
    ['from elsewhere', 'out', ['-n', USER, '-O', 'source-address=192.0.2.0/24']],
    ['with a critical option that nobody knows', 'out', ['-n', USER, '-O', 'critical:two@example.com=keys']],
    ['with an extension that nobody knows', 'in', ['-n', USER, '-O', 'extension:shoe@example.com=44']],
    [
      'with a token of a provider in it',
      'in',
      ['-n', USER, '-O', `extension:openpubkey-pkt=${'x'.repeat(9_000)}`],
    ],
    ['that is signed by its own key, as opkssh does', 'out', ['-n', USER], { authority: 'ed25519' }],
    ['without any extension', 'in', ['-n', USER, '-O', 'clear']],
  ])('%s: %s', async (_name, expected, options, made) => {
    const key = await personWith(options, made);
    const { ours, theirs } = await onBoth(key, [TO, 'echo hello']);
    expect(theirs.stdout.toString()).toBe(expected === 'in' ? 'hello\n' : '');
    expect(ours.stdout.toString()).toBe(theirs.stdout.toString());
  });

  test("an authority's own key is nobody's", async () => {
    const { ours, theirs } = await onBoth('ca', [TO, 'echo hello']);
    expect([theirs.code, ours.code]).toEqual([255, 255]);
  });
});

test('who came is told with the certificate', async () => {
  const key = await personWith(['-n', USER, '-z', '77']);
  await run(host.port, key, [TO, 'true']);
  expect(host.logins.at(-1)).toMatchObject({
    method: 'certificate',
    key: { fingerprint: expect.stringMatching(/^SHA256:/) },
    certificate: { keyId: 'ada', serial: '77', caFingerprint: expect.stringMatching(/^SHA256:/) },
  });
});

test('why a certificate is refused is told in a line of its own, before the keys', async () => {
  const key = await personWith(['-n', 'jane']);
  const before = host.refusals.length;
  await run(host.port, key, [TO, 'true']);
  await until('both are told', () => host.refusals.length >= before + 2);
  const details = host.refusals.slice(before).map(({ detail }) => detail);
  expect(details).toEqual([
    `certificate "ada" is for "jane", and --principals is ${USER}`,
    expect.stringMatching(/^none of the offered keys is authorized: ssh-ed25519 SHA256:\S+$/),
  ]);
});

test.each<[library: 'paramiko' | 'asyncssh', script: string]>([
  [
    'paramiko',
    `
pkey = paramiko.RSAKey.from_private_key_file(KEY)
pkey.load_certificate(KEY + '-cert.pub')
client.connect('127.0.0.1', port, USER, pkey=pkey, look_for_keys=False, allow_agent=False)
print(client.exec_command('echo hello')[1].read().decode(), end='')
`,
  ],
  [
    'asyncssh',
    `
async def main():
    pair = (KEY, KEY + '-cert.pub')
    async with asyncssh.connect('127.0.0.1', port, username=USER, client_keys=[pair], known_hosts=None) as connection:
        print((await connection.run('echo hello')).stdout, end='')
asyncio.run(main())
`,
  ],
])('%s logs in with the certificate of an RSA key', async (library, script) => {
  const key = await personWith(['-n', USER], { key: 'rsa' });
  const known = `KEY, USER = ${JSON.stringify(file(key))}, ${JSON.stringify(USER)}\n`;
  const { stdout, stderr } = await runPython(library, host, known + script);
  expect([stdout.toString(), stderr]).toEqual(['hello\n', '']);
});

describe('a forced command', () => {
  const SHOWN = 'echo "forced [$SSH_ORIGINAL_COMMAND]"';

  test.each<[string, string[], string]>([
    ['a command', ['ls -l "a b"'], 'forced [ls -l "a b"]\n'],
    ['a shell', [], 'forced []\n'],
  ])('runs in place of %s, and sees what was asked for', async (_what, command, said) => {
    const key = await personWith(['-n', USER, '-O', `force-command=${SHOWN}`]);
    const { ours, theirs } = await onBoth(key, ['-T', TO, ...command], 'echo not forced\n');
    expect(theirs.stdout.toString()).toBe(said);
    expect(ours.stdout.toString()).toBe(said);
  });

  test('runs on a terminal too', async () => {
    const key = await personWith(['-n', USER, '-O', `force-command=${SHOWN}`]);
    const { ours, theirs } = await onBoth(key, ['-tt', TO, 'id']);
    expect([theirs, ours].map(({ stdout }) => stdout.toString())).toEqual(Array(2).fill('forced [id]\r\n'));
  });

  test('runs in place of sftp', async () => {
    const key = await personWith(['-n', USER, '-O', `force-command=${SHOWN}`]);
    const { ours, theirs } = await onBoth(key, ['-s', TO, 'sftp']);
    expect(theirs.stdout.toString()).toBe('forced [/usr/lib/openssh/sftp-server]\n');
    expect(ours.stdout.toString()).toBe('forced [internal-sftp]\n');
  });

  test('cannot be changed by a variable of the client', async () => {
    const key = await personWith([
      '-n',
      USER,
      '-O',
      `force-command=echo "[$SSH_ORIGINAL_COMMAND$BASH_ENV$LC_NAME]"`,
    ]);
    const variables = ['SSH_ORIGINAL_COMMAND=mine', 'BASH_ENV=/mine', 'LC_NAME=de'];
    const sent = variables.flatMap((variable) => ['-o', `SetEnv=${variable}`]);
    const ours = await run(host.port, key, ['-T', ...sent.slice(0, 2), TO], '');
    expect(ours.stdout.toString()).toBe('[]\n');
    const all = await run(host.port, key, ['-T', '-o', `SetEnv=${variables.join(' ')}`, TO], '');
    expect(all.stdout.toString()).toBe('[de]\n');
  });

  test('internal-sftp serves sftp, and nothing else', async () => {
    const key = await personWith(['-n', USER, '-O', 'force-command=internal-sftp']);
    const shell = await onBoth(key, ['-T', TO, 'echo hello'], '');
    expect([shell.theirs, shell.ours].map(({ stdout, code }) => [stdout.toString(), code])).toEqual(
      Array.from({ length: 2 }, () => ['This service allows sftp connections only.\n', 1]),
    );
    // SSH_FXP_INIT of version 3 is answered with SSH_FXP_VERSION.
    const init = '\0\0\0\x05\x01\0\0\0\x03';
    const sftp = await run(host.port, key, ['-s', TO, 'sftp'], init);
    expect(sftp.stdout.toString('latin1', 4, 9)).toBe('\x02\0\0\0\x03');
  });

  test('internal-sftp with options, which are not known here, serves nothing', async () => {
    const key = await personWith(['-n', USER, '-O', 'force-command=internal-sftp -R']);
    const sftp = await run(host.port, key, ['-s', TO, 'sftp'], '');
    expect(sftp.stdout).toHaveLength(0);
    expect(sftp.code).not.toBe(0);
  });
});

describe('without its extension', () => {
  test('there is no terminal', async () => {
    const some = await personWith(['-n', USER]);
    const none = await personWith(['-n', USER, '-O', 'no-pty']);
    const command = ['-tt', TO, 'tty >/dev/null && echo terminal'];
    const permitted = await onBoth(some, command);
    const forbidden = await onBoth(none, command);
    const said = (outcome: SshOutcome): string => outcome.stdout.toString().trim();
    expect([said(permitted.theirs), said(permitted.ours)]).toEqual(['terminal', 'terminal']);
    // -tt insists on a terminal.
    expect([said(forbidden.theirs), said(forbidden.ours)]).toEqual(['', '']);
    const ours = await run(host.port, none, ['-t', TO, 'tty >/dev/null || echo none'], '');
    expect(said(ours)).toBe('none');
  });

  test('no port is forwarded, in either direction', async () => {
    const none = await personWith(['-n', USER, '-O', 'no-port-forwarding']);
    const some = await personWith(['-n', USER]);
    // -W to the server's own port gets its identification back.
    const through = ['-W', `127.0.0.1:${sshd.port}`, TO];
    expect((await run(host.port, some, through, 'SSH-2.0-x\r\n')).stdout.toString()).toMatch(
      /^SSH-2\.0-OpenSSH/,
    );
    const { ours, theirs } = await onBoth(none, through, '');
    expect([theirs.stdout.length, ours.stdout.length]).toEqual([0, 0]);
    const remote = await onBoth(none, [
      '-o',
      'ExitOnForwardFailure=yes',
      '-R',
      '0:127.0.0.1:9',
      TO,
      'echo hello',
    ]);
    expect([remote.theirs, remote.ours].map(({ code, stdout }) => [code, stdout.length])).toEqual(
      Array.from({ length: 2 }, () => [255, 0]),
    );
  });

  test('no ssh-agent is forwarded, and it is forwarded where only ports are not', async () => {
    const none = await personWith(['-n', USER, '-O', 'no-agent-forwarding']);
    const only = await personWith(['-n', USER, '-O', 'no-port-forwarding']);
    const command = ['-A', TO, 'test -S "$SSH_AUTH_SOCK" && echo there || echo none'];
    const asking = async (key: string): Promise<string> => {
      const agent = spawn('ssh-agent', ['-D', '-a', file(`agent-${key}`)]);
      try {
        await new Promise((resolve) => agent.stdout.once('data', resolve));
        const settings = ['-o', `IdentityAgent=${file(`agent-${key}`)}`];
        return (await run(host.port, key, [...settings, ...command])).stdout.toString().trim();
      } finally {
        agent.kill('SIGKILL');
      }
    };
    expect([await asking(none), await asking(only)]).toEqual(['none', 'there']);
  });
});
