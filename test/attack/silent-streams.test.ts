// A stranger who connects 3,000 times and says nothing, to use up the descriptors of the job and to bury its log.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeFin } from '#shared/resume/frames.ts';
import { type PersonProgram, type StormedJob, startStormedJob } from '../support/agent/stormed-job.ts';
import { commandOf } from '../support/process/client-program.ts';
import { RawPeer } from '../support/resume/resume-peer.ts';
import { makeKeyFile } from '../support/ssh/key-file.ts';
import { messageStream } from '../support/stream/message-stream.ts';
import { until } from '../support/time/poll.ts';

const CROWD = 3_000;
const HALF_CROWD = CROWD / 2;
/** What an agent may need for strangers: 192 streams, 64 in reserve, and 100 connections of SSH. */
const DESCRIPTORS_FOR_STRANGERS = 356;
/** Streams that one address may have. */
const SHARE = 64;

let job: StormedJob;
let atRest: number;

beforeEach(async () => {
  job = await startStormedJob({
    prepare: (folder) => makeKeyFile(join(folder, 'id')),
    args: (folder) => ['--authorized-keys', join(folder, 'id.pub')],
  });
  atRest = descriptors();
});

afterEach(() => job[Symbol.asyncDispose]());

function descriptors(): number {
  return readdirSync(`/proc/${job.agent.child.pid}/fd`).length;
}

/** One order for each of the crowd; resolves when the agent has seen them all. */
async function crowd(addressOf: (n: number) => string, resumable: boolean, size = CROWD): Promise<void> {
  for (let n = 0; n < size; n += 1) void job.relay.dial(addressOf(n), resumable);
  await job.relay.seen();
}

function fromEverywhere(n: number): string {
  return `198.51.${n >> 8}.${n & 255}`;
}

/** Starts `ssh` as the person does, through wsproxy or by a plain stream. */
function ssh(way: 'wsproxy' | 'plain', command: string): PersonProgram {
  const { folder, relay } = job;
  const through =
    way === 'plain'
      ? ['-p', `${relay.sshPort}`]
      : ['-o', `ProxyCommand=${commandOf('wsproxy')} ${relay.clientUrl}`];
  return job.ssh(command, {
    way: [...through, '-i', join(folder, 'id')],
    settings: ['LogLevel=ERROR', 'BatchMode=yes'],
  });
}

/** Whether the person gets in, by one of this many attempts. */
async function getsIn(attempts: number): Promise<boolean> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { child, output } = ssh('plain', 'echo in');
    await once(child, 'close');
    if (output() === 'in\n') return true;
  }
  return false;
}

test.each([
  ['one address', () => '198.51.100.1', true, 1],
  ['one address, by a plain stream', () => '198.51.100.1', false, 1],
  // In the second of their coming there is nobody who has been silent for longer than the others.
  ['3,000 addresses', fromEverywhere, true, 2],
  ['3,000 addresses, by a plain stream', fromEverywhere, false, 2],
])(
  'from %s they get a few descriptors of the job, and the person gets in',
  async (_from, addressOf, resumable, attempts) => {
    await crowd(addressOf, resumable);
    expect(descriptors() - atRest).toBeLessThanOrEqual(DESCRIPTORS_FOR_STRANGERS);
    expect(await getsIn(attempts)).toBe(true);
    expect(descriptors() - atRest).toBeLessThanOrEqual(DESCRIPTORS_FOR_STRANGERS);
  },
);

test('past the limit an order is refused without a socket', async () => {
  await crowd(() => '198.51.100.1', true);
  expect(await getsIn(1)).toBe(true);
  expect(job.relay.opened).toBeLessThanOrEqual(SHARE + 1);
});

test('the log has a line of all that were turned away, not a line for each', async () => {
  const before = job.agent.output().split('\n').length;
  await crowd(() => '198.51.100.1', false);
  const line = await until(
    'the summary',
    () =>
      /too many at once, in 10 seconds: (\d+) connections .* \(\1 of 198\.51\.100\.1\)/.exec(
        job.agent.output(),
      ) ?? undefined,
    30_000,
  );
  expect(Number(line[1])).toBeGreaterThanOrEqual(CROWD - SHARE);
  // Twenty in ten seconds, on a machine that is slow.
  expect(job.agent.output().split('\n').length - before).toBeLessThan(100);
});

test.each([
  ['from everywhere', fromEverywhere],
  ['from the address of the person', () => '192.0.2.1'],
])('a session whose relay dies while they come %s goes on', async (_where, addressOf) => {
  const session = ssh('wsproxy', 'echo ready; read -r word; echo "$word is back"');
  await until('the session runs', () => session.output().includes('ready'), 20_000);
  // Both together are less than what an agent takes of a relay at once (RELAY_BUDGET).
  await crowd(addressOf, true, HALF_CROWD);
  job.relay.cutClients();
  await crowd(addressOf, true, HALF_CROWD);
  session.child.stdin?.write('whoever was gone\n');
  const [code] = (await once(session.child, 'close')) as [number];
  // Besides, wsproxy says so if it took a while.
  expect(session.output()).toMatch(/^ready\n[^]*whoever was gone is back\n$/);
  expect(code).toBe(0);
});

test('sessions that are opened, finished and left hanging take no place from anybody', async () => {
  for (let n = 0; n < 600; n += 1) {
    const peer = new RawPeer(messageStream(await job.relay.dial(fromEverywhere(n), true)));
    peer.open('new', 0, randomBytes(16)).send(encodeFin(0));
    await until('it is opened', () => peer.frames.length > 0 || peer.end !== undefined);
  }
  const person = new RawPeer(messageStream(await job.relay.dial('192.0.2.1', true)));
  person.open('new', 0, randomBytes(16));
  await until('it is answered', () => person.frames.length > 0);
  expect(person.frames[0]).toMatchObject({ kind: 'opened' });
});
