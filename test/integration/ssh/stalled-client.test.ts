// A client with windows as large as may be that stops in the middle: the agent's memory does not pay for it.
import { existsSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectRawSsh, type RawSsh } from '../../support/ssh/raw-ssh.ts';
import { sshString } from '../../support/ssh/ssh-handshake.ts';
import { type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { channelRequest, message, openSession, uint32 } from '../../support/ssh/ssh-messages.ts';
import { until } from '../../support/time/poll.ts';

const MAX_WINDOW = 2 ** 32 - 1;
const READ_BYTES = 255 * 1024;
const READS = 400;
/** What the kernel's socket buffers, the requests at work and the agent's own limits may hold. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;
const ALGORITHMS = ['curve25519-sha256', 'ssh-ed25519', ...Array(2).fill('aes128-gcm@openssh.com'), '', ''];

let host: SshHost;

beforeAll(async () => {
  host = await startSshHost();
});
afterAll(() => host.stop());

async function connect(): Promise<RawSsh> {
  return connectRawSsh({ port: host.port, user: 'abc', keyFile: host.keyFile, until: 'login' });
}

/** The beginning of a key exchange. */
function keyExchangeInit(): Buffer {
  const lists = message(0, ...ALGORITHMS, 'none', 'none', '', '').subarray(1);
  return Buffer.concat([Buffer.of(20), Buffer.alloc(16), lists, Buffer.alloc(1 + 4)]);
}

test('a program waits while keys are exchanged', async () => {
  const [stalled, other] = [await connect(), await connect()];
  const write = (size: string, name: string) => `read -r; head -c ${size} /dev/zero; touch ${name}`;
  stalled.send(openSession(0, MAX_WINDOW), channelRequest(0, 'exec', true, write('16M', 'stalled')));
  await stalled.receive(99);
  stalled.send(message(94, 0, '\n'), keyExchangeInit());
  await stalled.receive(20);
  // Where there is somebody to take it, four times as much is done meanwhile.
  other.send(
    openSession(0, MAX_WINDOW),
    channelRequest(0, 'exec', true, write('64M', 'other')),
    message(94, 0, '\n'),
  );
  await other.receive(97);
  expect(existsSync(path.join(host.cwd, 'other'))).toBe(true);
  expect(existsSync(path.join(host.cwd, 'stalled'))).toBe(false);
  stalled.end();
  other.end();
});

test('sftp reads no further ahead than can be sent', async () => {
  const file = path.join(host.cwd, 'large');
  writeFileSync(file, '');
  truncateSync(file, READS * READ_BYTES);
  const [stalled, other] = [await connect(), await connect()];
  const ended = (): number[] =>
    host.logs
      .filter(({ event }) => event === 'sftp session ended')
      .map(({ fields }) => Number(fields['bytesRead']));
  for (const ssh of [stalled, other]) {
    ssh.send(openSession(0, MAX_WINDOW), channelRequest(0, 'subsystem', true, 'sftp'));
    await ssh.receive(99);
    if (ssh === stalled) ssh.stall();
    ssh.send(...readAll(file));
  }
  await other.receive(97);
  stalled.end();
  await until('both are over', () => ended().length === 2);
  const [theOther = 0, theStalled = 0] = ended();
  expect(theOther).toBe(READS * READ_BYTES);
  expect(theStalled).toBeLessThan(MAX_HELD_BYTES);
});

/** Greets, opens the file, asks for all of it and says that this was all. */
function readAll(file: string): Buffer[] {
  const packets = [
    message(1, 3),
    message(3, 0, file, 1, 0),
    ...Array.from({ length: READS }, (_, index) =>
      // The first handle of a session; what it is would have to be read from the reply.
      message(5, index, uint32(1), 0, index * READ_BYTES, READ_BYTES),
    ),
  ];
  return [...packets.map((packet) => message(94, 0, sshString(packet))), message(96, 0)];
}
