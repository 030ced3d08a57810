// A reader that leaves early, on either side: eow@openssh.com, by Debian's ssh.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';

const HOST = 'abc@127.0.0.1';
let host: SshHost;

beforeEach(async () => {
  host = await startSshHost();
});
afterEach(async () => {
  await host.stop();
});

test('a program whose reader has left is ended by its next write, and the rest of the command goes on', async () => {
  // In a file: what is said on stderr after its stdout has ended, ssh shows or not as it happens, with sshd never.
  const child = host.start([HOST, 'yes; echo $? >ended-by; exit 6']);
  if (child.stdout !== null) await once(child.stdout, 'data');
  child.stdout?.destroy();
  const [code] = (await once(child, 'close')) as [number];
  expect({ code, endedBy: readFileSync(path.join(host.cwd, 'ended-by'), 'utf8') }).toEqual({
    code: 6,
    endedBy: `${128 + constants.signals.SIGPIPE}\n`,
  });
});

test('a client that sends to a program that has closed its stdin is told', async () => {
  const fifo = path.join(host.folder, 'fifo');
  spawnSync('mkfifo', [fifo]);
  const child = host.start(['-v', HOST, `exec <&-; read -r word <${fifo}; exit 5`]);
  const { promise: told, resolve } = Promise.withResolvers<void>();
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    if (stderr.includes('rtype eow@openssh.com')) resolve();
  });
  child.stdin?.on('error', () => {});
  // On and on: the program may not have got as far as closing it when the first bytes came.
  const feed = (error?: Error | null): void => {
    if (error === undefined || error === null) child.stdin?.write('x'.repeat(1024), feed);
  };
  feed();
  await told;
  writeFileSync(fifo, 'on\n');
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(5);
});
