// The window of a channel: given back soon while somebody reads, so that a distance does not hold up an upload, and never more.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADJUST_FROM_BYTES, CLIENT_WINDOW_BYTES } from '../../../services/agent/ssh/ssh2/window-adjust.ts';
import { connectRawSsh, type RawSsh } from '../../support/ssh/raw-ssh.ts';
import { type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { channelRequest, message, openSession } from '../../support/ssh/ssh-messages.ts';

const WINDOW_ADJUST = 93;
const CLOSE = 97;
const LAST_QUESTION = message(80, 'keepalive@openssh.com', true);
const LAST_ANSWER = 82;
const CHUNK_BYTES = 32 * 1024;
const CHUNK = message(94, 0, Buffer.alloc(CHUNK_BYTES));

/** By the stream and the pipe of the program. */
const MAX_BUFFERED_BYTES = 512 * 1024;

let host: SshHost;

beforeAll(async () => {
  host = await startSshHost();
});
afterAll(() => host.stop());

/** A session in which a command runs. */
async function running(command: string): Promise<RawSsh> {
  const ssh = await connectRawSsh({ port: host.port, user: 'abc', keyFile: host.keyFile, until: 'login' });
  ssh.send(openSession(7), channelRequest(0, 'exec', true, command));
  await ssh.receive(99);
  return ssh;
}

function sendBytes(ssh: RawSsh, bytes: number): void {
  for (let sent = 0; sent < bytes; sent += CHUNK_BYTES) ssh.send(CHUNK);
}

/** What these messages give back. */
function givenBack(messages: readonly Buffer[]): number {
  const adjusts = messages.filter(([type]) => type === WINDOW_ADJUST);
  return adjusts.reduce((sum, adjust) => sum + adjust.readUInt32BE(5), 0);
}

test('a client that has used little of it gets that back, again and again', async () => {
  const ssh = await running('cat > /dev/null');
  for (let round = 0; round < 40; round += 1) {
    sendBytes(ssh, ADJUST_FROM_BYTES);
    const given = givenBack(await ssh.receive(WINDOW_ADJUST));
    // All of it, also after more than a whole window: a client never has less than the rest.
    expect(given).toBe(ADJUST_FROM_BYTES);
  }
  ssh.end();
});

test('less than that is not worth a packet', async () => {
  const ssh = await running('cat > /dev/null');
  sendBytes(ssh, ADJUST_FROM_BYTES - CHUNK_BYTES);
  ssh.send(LAST_QUESTION);
  expect(givenBack(await ssh.receive(LAST_ANSWER))).toBe(0);
  ssh.end();
});

test('a channel that the agent has closed gets none of it back: clients have forgotten it', async () => {
  const ssh = await running('true');
  const before = await ssh.receive(CLOSE);
  expect(givenBack(before)).toBe(0);
  // More than a half, at which ssh2 itself would say so; the client has not closed it.
  sendBytes(ssh, CLIENT_WINDOW_BYTES - ADJUST_FROM_BYTES);
  ssh.send(LAST_QUESTION);
  expect(givenBack(await ssh.receive(LAST_ANSWER))).toBe(0);
  expect(ssh.isClosed).toBe(false);
  ssh.end();
});

test('a program that reads nothing stops the client after two windows, and what a pipe holds', async () => {
  const ssh = await running('sleep 100');
  let room = CLIENT_WINDOW_BYTES;
  let sent = 0;
  // Until an answer to all that was sent gives nothing back.
  while (room >= CHUNK_BYTES) {
    sendBytes(ssh, room);
    sent += room;
    ssh.send(LAST_QUESTION);
    room = givenBack(await ssh.receive(LAST_ANSWER));
    expect(sent).toBeLessThanOrEqual(2 * CLIENT_WINDOW_BYTES + MAX_BUFFERED_BYTES);
  }
  expect(ssh.isClosed).toBe(false);
  ssh.end();
});

test('a program that reads late gives back what was sent while the stream was full', async () => {
  const ssh = await running('until [ -e gate ]; do sleep 0.05; done; cat > /dev/null');
  // More than the stream takes, and less than the half of a window at which ssh2 itself would say so.
  const sent = CLIENT_WINDOW_BYTES + MAX_BUFFERED_BYTES + 2 * ADJUST_FROM_BYTES;
  sendBytes(ssh, sent);
  ssh.send(LAST_QUESTION);
  let given = givenBack(await ssh.receive(LAST_ANSWER));
  expect(sent - given).toBeGreaterThanOrEqual(ADJUST_FROM_BYTES);
  writeFileSync(path.join(host.cwd, 'gate'), '');
  while (sent - given >= ADJUST_FROM_BYTES) given += givenBack(await ssh.receive(WINDOW_ADJUST));
  expect(given).toBeLessThanOrEqual(sent);
  ssh.end();
});
