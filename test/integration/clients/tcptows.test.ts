// tcptows as a process: many connections over one port, each on its own.
import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { duplexOf } from '#shared/stream/duplex.ts';
import { readDestination } from '../../../services/clients/command-line/destination.ts';
import { readIdentity } from '../../../services/clients/command-line/identity-options.ts';
import { FAREWELL_WITHIN_MS } from '../../../services/clients/connection/visit.ts';
import { startTcptows } from '../../../services/clients/tcptows/tcptows.ts';
import { openClientProgram } from '../../support/clients/test-program.ts';
import { type ClientProgram, startClientProgram } from '../../support/process/client-program.ts';
import { echo, greet, type StandInAnswer, say } from '../../support/relay/stand-in-relay.ts';
import { openStandIn } from '../../support/relay/test-stand-in.ts';
import { createPinnedSshHost, startSshClient } from '../../support/ssh/pinned-ssh-host.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { until } from '../../support/time/poll.ts';

interface Listening {
  readonly program: ClientProgram;
  readonly dial: () => Socket;
}

async function listening(...args: string[]): Promise<Listening> {
  const program = openClientProgram('tcptows', args);
  const [line] = (await once(program.child.stdout, 'data')) as [Buffer];
  const [, port = '', again] =
    /^listening on 127\.0\.0\.1:(\d+); ssh -p (\d+) USER@127\.0\.0\.1\n$/.exec(line.toString()) ?? [];
  expect(port).toMatch(/^[1-9]\d+$/);
  expect(again).toBe(port);
  return {
    program,
    dial: () => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
      return socket;
    },
  };
}

/** What comes over `socket` until it has `bytes` of it, or it ends. */
async function take(socket: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let count = 0;
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    count += (chunk as Buffer).length;
    if (count >= bytes) break;
  }
  return Buffer.concat(chunks);
}

test('gives every connection a stream of its own, from the first byte on', async () => {
  const relay = await openStandIn({ serve: echo });
  const { dial } = await listening('0', relay.url());
  const results = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const sent = randomBytes(1 << 20);
      const socket = dial();
      // Written before anything is connected: it must wait, not be lost.
      socket.write(sent);
      return hash('sha256', await take(socket, sent.length)) === hash('sha256', sent);
    }),
  );
  expect(results).toEqual([true, true, true, true, true]);
  expect(relay.asked).toHaveLength(5);
});

test('says why a connection failed, closes it, and serves the next', async () => {
  const relay = await openStandIn({ answer: (n) => (n === 0 ? 'agent_not_found' : undefined), serve: echo });
  const { program, dial } = await listening('--wait', '0', '0', relay.url());
  const first = dial();
  await once(first, 'close');
  await until('it is said', () => program.errors() !== '');
  expect(program.errors()).toMatch(
    /^tcptows: connection from 127\.0\.0\.1:\d+: no agent `job-1` at 127\.0\.0\.1:\d+: [^\n]*\n$/,
  );
  const second = dial();
  second.write('hello');
  expect((await take(second, 5)).toString()).toBe('hello');
});

test('delivers what the agent sent before it ended the session, then closes', async () => {
  const sent = randomBytes(1 << 20);
  const relay = await openStandIn({ serve: say(sent) });
  const { program, dial } = await listening('0', relay.url());
  expect(hash('sha256', await take(dial(), Number.POSITIVE_INFINITY))).toBe(hash('sha256', sent));
  expect(program.errors()).toBe('');
});

test('ends the stream when the connection ends', async () => {
  const relay = await openStandIn({ serve: greet });
  const { dial } = await listening('0', relay.url());
  const socket = dial();
  await once(socket, 'data');
  socket.end();
  await until('the relay saw the end', () => relay.closed.length > 0);
  expect(relay.closed).toEqual([1000]);
});

test('gives up asking for a connection that is gone', async () => {
  const relay = await openStandIn({ answer: () => 'silence' });
  const { program, dial } = await listening('0', relay.url());
  const socket = dial();
  await until('it has asked', () => relay.asked.length === 1);
  socket.resetAndDestroy();
  program.child.kill('SIGTERM');
  expect(await program.exit).toBe(0);
  expect(program.errors()).toBe('');
});

test('cuts a connection whose host has another key than the pinned one', async () => {
  const host = createPinnedSshHost();
  const relay = await openStandIn({ serve: (session) => host.serve(duplexOf(session)) });
  const { program, dial } = await listening('0', `${relay.url()}#${createPinnedSshHost().fingerprint}`);
  const socket = dial();
  const client = startSshClient(socket);
  await once(socket, 'close');
  client.stop();
  await until('it is said', () => program.errors() !== '');
  expect(program.errors()).toMatch(
    /^tcptows: connection from 127\.0\.0\.1:\d+: host key mismatch: the host has SHA256:/,
  );
  expect(host.attempts()).toBe(0);
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  'stops on %s: connections are closed, and it exits 0',
  async (signal) => {
    const relay = await openStandIn({ serve: greet });
    const { program, dial } = await listening('0', relay.url());
    const socket = dial();
    await once(socket, 'data');
    program.child.kill(signal);
    await once(socket, 'close');
    expect(await program.exit).toBe(0);
    await until('the relay saw the end', () => relay.closed.length > 0);
    expect(relay.closed).toEqual([1000]);
    expect(program.errors()).toBe('');
  },
);

test('stops soon while there is no way to the agent, whatever the agent would wait for', async () => {
  let answer: StandInAnswer;
  const relay = await openStandIn({ answer: () => answer, serve: echo, resumeWindowMs: 600_000 });
  const destination = readDestination(relay.url(), undefined, {});
  if (destination.kind === 'invalid') throw new Error(destination.message);
  const clock = new ManualClock();
  const identity = readIdentity(new Map(), {});
  const options = { destination, identity, bind: '127.0.0.1', port: 0, clock, report: () => undefined };
  const tcptows = await startTcptows(options);
  if (tcptows.kind === 'failed') throw new Error(tcptows.code);
  const socket = connect(tcptows.address.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  socket.write('x');
  await once(socket, 'data');
  answer = 'draining';
  relay.drop('lost');
  await until('it dials again', () => relay.asked.length > 1);
  const from = clock.now();
  let isStopped = false;
  void tcptows.stop().then(() => {
    isStopped = true;
  });
  await until('it stops', () => {
    clock.advance(50);
    return isStopped;
  });
  expect(clock.now() - from).toBeLessThan(FAREWELL_WITHIN_MS + 5_000);
});

test('exits 1 with one line when the port is in use', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => void (await new Promise((resolve) => server.close(resolve))));
  const { port } = server.address() as AddressInfo;
  const program = startClientProgram('tcptows', [String(port), 'ws://127.0.0.1:1/client/x']);
  expect(await program.exit).toBe(1);
  expect(program.errors()).toBe(
    `tcptows: port ${port} on 127.0.0.1 is in use; take another one, or 0 for any that is free\n`,
  );
});

test('exits 2 with one line for a bad argument', async () => {
  const program = startClientProgram('tcptows', ['22222222', 'ws://127.0.0.1:1/client/x']);
  expect(await program.exit).toBe(2);
  expect(program.errors()).toBe('tcptows: "22222222" is not a port; expected 0 to 65535\n');
});
