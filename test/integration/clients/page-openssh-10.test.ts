// The SSH client of pages against OpenSSH 10 of Debian 13, which knows the post-quantum exchange by its name.
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { Duplex } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession } from '../../../services/clients/browser/ssh/channels/session.ts';
import type { SshFault } from '../../../services/clients/browser/ssh/wire/ssh-fault.ts';
import { ensureRoot } from '../../support/machine/minimal-root.ts';
import { keyFromFile } from '../../support/page-client/page-key.ts';
import { startPageSession } from '../../support/page-client/page-session.ts';
import { lineOver } from '../../support/page-client/tcp-line.ts';
import { makeKeyFile } from '../../support/ssh/key-file.ts';

const isRoot = process.getuid?.() === 0;
/** debootstrap, once on each machine. */
const MADE_WITHIN_MS = 300_000;

let root = '';
let folder = '';
beforeAll(async () => {
  if (!isRoot) return;
  root = await ensureRoot({ suite: 'trixie', packages: ['openssh-server'] });
  folder = await mkdtemp(path.join(root, 'srv', 'test-'));
  for (const name of ['key', 'host-key']) await makeKeyFile(path.join(folder, name));
  await copyFile(path.join(folder, 'key.pub'), path.join(folder, 'authorized_keys'));
  await mkdir(path.join(root, 'run', 'sshd'), { recursive: true });
}, MADE_WITHIN_MS);
afterAll(() => (folder === '' ? undefined : rm(folder, { recursive: true })));

/** An sshd for one connection, on its standard input and output; what it says of it comes to `said`. */
function startSshd(method: string): { readonly line: Duplex; readonly said: () => string } {
  const inside = folder.slice(root.length);
  const settings = [
    `HostKey=${inside}/host-key`,
    `AuthorizedKeysFile=${inside}/authorized_keys`,
    `KexAlgorithms=${method}`,
    'StrictModes=no',
    'UsePAM=no',
    'PermitRootLogin=yes',
    'RekeyLimit=1M',
    'LogLevel=DEBUG1',
  ].flatMap((setting) => ['-o', setting]);
  const sshd = spawn('chroot', [root, '/usr/sbin/sshd', '-i', '-e', '-f', '/dev/null', ...settings]);
  let said = '';
  sshd.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  sshd.stdin.on('error', () => undefined);
  return { line: Duplex.from({ readable: sshd.stdout, writable: sshd.stdin }), said: () => said };
}

test.skipIf(!isRoot)(
  'agrees with it on mlkem768x25519-sha256 and on nothing less, and again at new keys',
  async () => {
    const { line, said } = startSshd('mlkem768x25519-sha256');
    const signIn = { keys: [keyFromFile(path.join(folder, 'key'))] };
    const page = await startPageSession(lineOver(line), { user: 'root', signIn });
    expect(page.host.method).toBe('mlkem768x25519-sha256');
    const command = 'head -c 3000000 /dev/zero; ssh -V 2>&1 || sshd -V 2>&1';
    const outcome = await openSession(page.connection, { run: { kind: 'exec', command } });
    if (outcome.kind !== 'open') expect.fail(`refused: ${outcome.reason.printable()}`);
    const { channel } = outcome;
    let text = '';
    let zeros = 0;
    for (let piece = await channel.read(); piece !== undefined; piece = await channel.read()) {
      zeros += piece.bytes.filter((byte) => byte === 0).length;
      text += Buffer.from(piece.bytes).toString('latin1').replaceAll('\0', '');
    }
    expect(zeros).toBe(3_000_000);
    expect(text).toMatch(/OpenSSH_1\d/);
    const named = said().match(/kex: algorithm: mlkem768x25519-sha256/g) ?? [];
    // The first, and one for each megabyte.
    expect(named.length).toBeGreaterThan(2);
    page.transport.close('the test is over');
  },
);

test.skipIf(!isRoot)('has nothing in common with a host that takes only what it does not speak', async () => {
  const { line } = startSshd('sntrup761x25519-sha512');
  const opening = startPageSession(lineOver(line), { user: 'root', signIn: {} });
  await expect(opening).rejects.toMatchObject({ code: 'no_common_algorithm' } satisfies Partial<SshFault>);
});
