// The packets of the ciphers that the binaries have: large ones leave with headroom, and Debian's ssh takes them all.
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { HEADROOM_BYTES, headroomOf } from '#shared/stream/headroom.ts';
import { useBuiltSshCiphers } from '../../support/ssh/built-ssh-ciphers.ts';
import type { SshHost } from '../../support/ssh/ssh-host.ts';

useBuiltSshCiphers();
// After that: it loads ssh2.
const { startSshHost } = await import('../../support/ssh/ssh-host.ts');

/** What is surely one packet of a transfer, in bytes. */
const LARGE_BYTES = 16 * 1024;
const TRANSFER_BYTES = 5 * 1024 * 1024;
const SOURCE = 'source';

let host: SshHost;

afterEach(async () => {
  await host.stop();
});

/** Gives back how much headroom each large packet had that the host sent, while `source` went there and back. */
async function roomsOf(cipher: string, ...more: string[]): Promise<Set<number>> {
  const rooms = new Set<number>();
  host = await startSshHost({ onSocket: (socket) => watchWrites(socket, rooms) });
  const source = randomBytes(TRANSFER_BYTES);
  writeFileSync(path.join(host.cwd, SOURCE), source);
  const options = [`Ciphers=${cipher}`, ...more].flatMap((option) => ['-o', option]);
  const outcome = await host.ssh([...options, 'abc@127.0.0.1', `cat ${SOURCE}; sha256sum`], {
    stdin: source,
  });
  const hash = createHash('sha256').update(source).digest('hex');
  expect(outcome.stderr).toBe('');
  expect(outcome.code).toBe(0);
  expect(outcome.stdout.subarray(0, TRANSFER_BYTES).equals(source)).toBe(true);
  expect(outcome.stdout.toString('latin1', TRANSFER_BYTES)).toBe(`${hash}  -\n`);
  return rooms;
}

function watchWrites(socket: Socket, rooms: Set<number>): void {
  const write: (chunk: Buffer) => boolean = socket.write.bind(socket);
  socket.write = (chunk: Buffer) => {
    if (chunk.length >= LARGE_BYTES) rooms.add(headroomOf(chunk));
    return write(chunk);
  };
}

test.each(['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'])(
  '%s leaves room for heads',
  async (cipher) => {
    expect(await roomsOf(cipher)).toEqual(new Set([HEADROOM_BYTES]));
  },
);

test('with new keys as well; what waited for them goes as it is', async () => {
  expect(await roomsOf('aes128-gcm@openssh.com', 'RekeyLimit=1M')).toContain(HEADROOM_BYTES);
});

test('aes128-ctr goes as it is', async () => {
  expect(await roomsOf('aes128-ctr')).toEqual(new Set([0]));
});
