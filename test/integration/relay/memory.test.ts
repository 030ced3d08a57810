// Clients that do not read: the relay takes a bounded number of bytes for each, and keeps less than 2 MiB of them.
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { type FakeAgent, openAgent, openAgentStream, socketOf } from '../../support/relay/fake-agent.ts';
import { openClient } from '../../support/relay/relay.ts';
import { until } from '../../support/time/poll.ts';

const MIB = 1024 * 1024;

/** What the agent would send if the relay took it. */
const PUSH_BYTES = 1024 * MIB;

/** This many at a time, so that the noise of the garbage collector is small beside what they cost. */
const STUCK_SESSIONS = 8;

/**
 * What the relay may take for one client that does not read: its own bound, and what the kernels of both legs buffer,
 * which on loopback is some MiB each (tcp_wmem and tcp_rmem).
 */
const ACCEPTED_BOUND_BYTES = 64 * MIB;

/** What one session whose reader stands still may cost a relay. */
const COST_BOUND_BYTES = 2 * MIB;

interface Memory {
  /** Resident set of the process, in bytes. */
  readonly rss: number;
  /** Objects and buffers that are alive, in bytes. */
  readonly alive: number;
}

/** On SIGUSR2: collects garbage until nothing more is given back, then says what is left. */
const REPORT_ON_SIGNAL = `data:text/javascript,${encodeURIComponent(`
process.on('SIGUSR2', async () => {
  for (let round = 0; round < 4; round += 1) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  console.log(JSON.stringify({ msg: 'memory', rss, alive: heapUsed + external }));
});`)}`;

let child: ChildProcess;
let port: number;
const reports = new EventEmitter<{ memory: [Memory] }>();

beforeAll(async () => {
  const env = { ...process.env, HOST: '127.0.0.1', PORT: '0', INTERNAL_PORT: '0' };
  const relay = spawn(
    process.execPath,
    ['--expose-gc', '--import', REPORT_ON_SIGNAL, 'services/relay/main.ts'],
    { stdio: ['ignore', 'pipe', 'inherit'], env },
  );
  child = relay;
  const listening = Promise.withResolvers<number>();
  createInterface(relay.stdout).on('line', (line) => {
    const fields = JSON.parse(line) as Memory & {
      readonly msg: string;
      readonly listener?: 'public' | 'internal';
      readonly port: number;
    };
    if (fields.msg === 'memory') reports.emit('memory', fields);
    if (fields.listener === 'public') listening.resolve(fields.port);
  });
  port = await listening.promise;
});
afterAll(async () => {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
});

async function memory(): Promise<Memory> {
  const reported = once(reports, 'memory') as Promise<[Memory]>;
  child.kill('SIGUSR2');
  const [report] = await reported;
  return report;
}

interface Session {
  readonly client: WebSocket;
  readonly stream: WebSocket;
}

async function openSession(agent: FakeAgent, id: string, index: number): Promise<Session> {
  const asking = openClient(port, id);
  const { ticket } = await agent.dial(index);
  const stream = socketOf(await openAgentStream(port, id, ticket));
  stream.on('error', () => undefined);
  return { client: socketOf(await asking), stream };
}

/** Nothing taken in this many rounds of 10 ms: the reader is stuck, not slow. */
const STILL_ROUNDS = 100;

/** Sends until `bytes` are through or nothing has been taken for so many rounds; the result is what the kernel took. */
async function push(
  stream: WebSocket,
  bytes: number,
  chunk: Buffer,
  stillRounds = STILL_ROUNDS,
): Promise<number> {
  let sent = 0;
  let taken = 0;
  for (let still = 0; taken < bytes && still < stillRounds; still += 1) {
    for (; sent < bytes && stream.bufferedAmount < MIB; sent += chunk.length) stream.send(chunk);
    await sleep(10);
    const before = taken;
    taken = sent - stream.bufferedAmount;
    if (taken > before) still = 0;
  }
  return taken;
}

test.each([
  ['large frames', 60_000],
  ['frames of one key press', 40],
])('1 GiB of %s at a client that does not read costs less than 2 MiB', async (name, size) => {
  const id = `job-${size}`;
  using agent = await openAgent(port, id);
  // A session that reads warms up what all sessions share: code, pools, the heap's own reserve.
  const warm = await openSession(agent, id, 0);
  let read = 0;
  warm.client.on('message', (data: Buffer) => {
    read += data.length;
  });
  warm.client.resume();
  // So much that the heap has grown to what its flags let it keep (runtime-flags.ts): a relay takes them on its own.
  const warmUpBytes = 512 * MIB;
  await push(warm.stream, warmUpBytes, Buffer.alloc(60_000), Number.POSITIVE_INFINITY);
  await until('the warm-up is through', () => read >= warmUpBytes);

  const before = await memory();
  const stuck: Session[] = [];
  for (let index = 1; index <= STUCK_SESSIONS; index += 1) stuck.push(await openSession(agent, id, index));
  const accepted = await Promise.all(stuck.map(({ stream }) => push(stream, PUSH_BYTES, Buffer.alloc(size))));
  const after = await memory();
  const most = Math.max(...accepted);
  const alive = (after.alive - before.alive) / STUCK_SESSIONS;
  const rss = (after.rss - before.rss) / STUCK_SESSIONS;
  const mib = (bytes: number): string => `${(bytes / MIB).toFixed(2)} MiB`;
  console.log(`${name}, per stuck session: took ${mib(most)}, keeps ${mib(alive)}, resident ${mib(rss)}`);
  expect(most).toBeLessThan(ACCEPTED_BOUND_BYTES);
  expect(alive).toBeLessThan(COST_BOUND_BYTES);
  expect(rss).toBeLessThan(COST_BOUND_BYTES);
  for (const { client, stream } of [warm, ...stuck]) {
    client.terminate();
    stream.terminate();
  }
});
