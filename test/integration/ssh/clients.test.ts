// Clients other than OpenSSH's: what they do on their own, where ssh2 would have ended it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { AccessList } from '../../../services/agent/access/access-list.ts';
import { parseAuthorizedKeys } from '../../../services/agent/access/authorized-keys.ts';
import { IDENTIFICATION } from '../../../services/agent/ssh/ssh2-server.ts';
import { HostKeyInspector } from '../../../services/clients/host-key/inspector.ts';
import { parseFingerprint } from '../../../services/shared/ssh/fingerprint-text.ts';
import { systemClock } from '../../../services/shared/time/clock.ts';
import { runDropbear, runPython } from '../../support/ssh/ssh-clients.ts';
import { CLIENT_ENV, outcomeOf, type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { dialSsh2 } from '../../support/ssh/ssh2-client.ts';

const HOST = 'abc@127.0.0.1';
/** Of Python: a transport whose first attempt to log in was refused. */
const REFUSED_ONCE = `
t = paramiko.Transport(('127.0.0.1', port))
t.start_client()
try:
    t.auth_password('abc', 'battery staple')
except paramiko.AuthenticationException as e:
    print('refused')
`;

let host: SshHost;

afterEach(async () => {
  await host.stop();
});

test('asyncssh goes on after programs that stopped reading', { timeout: 60_000 }, async () => {
  host = await startSshHost();
  const script = `
async def main():
    async with login() as c:
        for _ in range(5):
            r = await c.run('head -c 10 >/dev/null; exit 3', input='x' * 20_000_000)
            print(r.exit_status)
asyncio.run(main())
`;
  const { stdout, stderr } = await runPython('asyncssh', host, script);
  expect(stderr).toBe('');
  expect(stdout.toString()).toBe('3\n3\n3\n3\n3\n');
});

test('asyncssh exchanges keys again, though it sends on after its KEXINIT', { timeout: 60_000 }, async () => {
  host = await startSshHost();
  const script = `
async def main():
    async with login(rekey_bytes=1 << 20) as c:
        print((await c.run('wc -c', input='x' * 20_000_000)).stdout, end='')
asyncio.run(main())
`;
  const { stdout, stderr } = await runPython('asyncssh', host, script);
  expect(stderr).toBe('');
  expect(stdout.toString()).toBe('20000000\n');
});

test('asyncssh logs in with an RSA key', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'converge-test-'));
  const file = path.join(folder, 'rsa');
  spawnSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', file]);
  const parsed = parseAuthorizedKeys(readFileSync(`${file}.pub`, 'utf8'), file);
  if (parsed.kind === 'refused') throw new Error(parsed.problems.join('; '));
  host = await startSshHost({
    credentials: {
      kind: 'keys',
      user: 'abc',
      access: new AccessList({ clock: systemClock, authorizedKeys: parsed.keys }),
    },
  });
  const script = `
async def main():
    async with login('${file}') as c:
        print((await c.run('echo in')).stdout, end='')
asyncio.run(main())
`;
  const { stdout, stderr } = await runPython('asyncssh', host, script);
  rmSync(folder, { recursive: true });
  expect(stderr).toBe('');
  expect(stdout.toString()).toBe('in\n');
});

test('paramiko logs in after a first attempt was refused', async () => {
  host = await startSshHost({ password: 'correct horse' });
  const script = `${REFUSED_ONCE}t.auth_password('abc', 'correct horse')
c = t.open_session()
c.exec_command('echo in')
print(c.makefile().read().decode(), end='')
t.close()
`;
  const { stdout, stderr } = await runPython('paramiko', host, script);
  expect(stderr).toBe('');
  expect(stdout.toString()).toBe('refused\nin\n');
});

test('another user name in the second attempt ends the connection in words', async () => {
  host = await startSshHost({ password: 'correct horse' });
  const script = `${REFUSED_ONCE}try:
    t.auth_password('def', 'correct horse')
except paramiko.SSHException as e:
    print(t.is_active())
`;
  const { stdout } = await runPython('paramiko', host, script);
  expect(stdout.toString()).toBe('refused\nFalse\n');
  const failure = host.logs.find(({ event }) => event === 'connection failed');
  expect(failure?.fields['error']).toContain(
    'Change of username or service not allowed: (abc,ssh-connection) -> (def,',
  );
});

test('dropbear logs in with a key, though it has guessed the key exchange', async () => {
  host = await startSshHost();
  expect(await runDropbear(host, 'echo in; exit 3')).toMatchObject({ code: 3, stdout: Buffer.from('in\n') });
});

test('dropbear logs in with a password', async () => {
  host = await startSshHost({ password: 'correct horse' });
  const outcome = await runDropbear(host, 'echo in', { password: 'correct horse' });
  expect(outcome).toMatchObject({ code: 0, stdout: Buffer.from('in\n') });
});

/** Make `link` point to `target`, each as its own manual says. */
const LINKS: Readonly<Record<string, (target: string, link: string) => Promise<unknown>>> = {
  paramiko: (target, link) =>
    runPython(
      'paramiko',
      host,
      `login(); client.open_sftp().symlink('${target}', '${link}'); client.close()`,
    ),
  asyncssh: (target, link) =>
    runPython(
      'asyncssh',
      host,
      `
async def main():
    async with login() as c, c.start_sftp_client() as s:
        await s.symlink('${target}', '${link}')
asyncio.run(main())
`,
    ),
  ssh2: linkBySsh2,
  sftp: (target, link) =>
    outcomeOf(
      spawn('sftp', [...host.clientOptions, '-b', '-', HOST], { env: CLIENT_ENV }),
      Buffer.from(`ln -s ${target} ${link}\n`),
    ),
};

test.each(Object.entries(LINKS))('%s makes the link that was asked for', async (_client, makeLink) => {
  host = await startSshHost();
  const link = path.join(host.folder, 'link');
  await makeLink('target', link);
  expect(readlinkSync(link)).toBe('target');
});

test('our name leaves the host key where the pin is checked', async () => {
  const sent: Buffer[] = [];
  host = await startSshHost({
    onSocket(socket) {
      const write: (chunk: Buffer) => boolean = socket.write.bind(socket);
      socket.write = (chunk: Buffer) => {
        sent.push(Buffer.from(chunk));
        return write(chunk);
      };
    },
  });
  await host.ssh([HOST, 'true']);
  const pin = parseFingerprint(host.fingerprint);
  if (pin === undefined) throw new Error('no fingerprint');
  const inspector = new HostKeyInspector(pin);
  for (const chunk of sent) inspector.inspect(chunk);
  expect(sent[0]?.toString()).toBe(`SSH-2.0-${IDENTIFICATION}\r\n`);
  expect(inspector.verdict).toEqual({ kind: 'match' });
});

async function linkBySsh2(target: string, link: string): Promise<void> {
  const client = dialSsh2(host);
  await once(client, 'ready');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.sftp((error, sftp) => {
    if (error !== undefined) return reject(error);
    sftp.symlink(target, link, (failure) => (failure ? reject(failure) : resolve()));
  });
  await promise;
  client.end();
}
