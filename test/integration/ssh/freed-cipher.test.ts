// A connection that is ended for a broken rule, with the ciphers of the binaries: nothing is deciphered with what was freed.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useBuiltSshCiphers } from '../../support/ssh/built-ssh-ciphers.ts';
import { kexinitPayload } from '../../support/ssh/ssh-handshake.ts';
import type { SshHost } from '../../support/ssh/ssh-host.ts';
import { channelRequest, message, openSession } from '../../support/ssh/ssh-messages.ts';

useBuiltSshCiphers();
// After that: it loads ssh2.
const { startSshHost } = await import('../../support/ssh/ssh-host.ts');
const { connectRawSsh } = await import('../../support/ssh/raw-ssh.ts');

const OVERRUN = Array.from({ length: 160 }, () => message(94, 0, Buffer.alloc(32 * 1024)));
const NOWHERE = Array.from({ length: 60 }, () => message(94, 4711, 'x'));

let host: SshHost;

beforeAll(async () => {
  host = await startSshHost();
});
afterAll(() => host.stop());

test.each([
  ['aes128-gcm@openssh.com', 'data beyond the window', OVERRUN],
  ['aes128-gcm@openssh.com', 'data for no channel', NOWHERE],
  ['aes128-ctr', 'data beyond the window', OVERRUN],
  ['aes128-ctr', 'data for no channel', NOWHERE],
] as const)('%s: %s, with more right behind it', async (cipher, _kind, data) => {
  host.logs.length = 0;
  const { port, keyFile } = host;
  const ssh = await connectRawSsh({ port, user: 'abc', keyFile, until: 'login', cipher });
  ssh.send(openSession(7), channelRequest(0, 'exec', true, 'sleep 100'));
  await ssh.receive(99);
  ssh.send(...data);
  await ssh.receive(97);
  expect(ssh.isClosed).toBe(true);
  // It failed once: nobody has looked at what came after.
  expect(host.logs.filter(({ event }) => event === 'connection failed')).toHaveLength(1);
});

test.each([
  ['aes128-gcm@openssh.com', 'mlkem768x25519-sha256'],
  ['aes128-gcm@openssh.com', 'curve25519-sha256'],
  ['aes128-ctr', 'mlkem768x25519-sha256'],
  ['aes128-ctr', 'curve25519-sha256'],
] as const)(
  '%s: keys of %s that are none in a later exchange, with more right behind them',
  async (cipher, methods) => {
    host.logs.length = 0;
    const { port, keyFile } = host;
    const ssh = await connectRawSsh({ port, user: 'abc', keyFile, until: 'handshake', cipher });
    const kexinit = kexinitPayload({ methods, ciphers: cipher, guess: false });
    const more = Array.from({ length: 20 }, () => message(2, Buffer.alloc(256)));
    ssh.send(kexinit, message(30, Buffer.alloc(3)), ...more);
    await ssh.receive(97);
    expect(ssh.isClosed).toBe(true);
    expect(host.logs.filter(({ event }) => event === 'connection failed')).toHaveLength(1);
  },
);
