// Forwarding over Debian's ssh: ports and unix sockets both ways, SOCKS, the ssh-agent, and none of it when it is off.
import { type ChildProcess, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '../../support/network/ports.ts';
import { startSshAgent } from '../../support/ssh/ssh-agent.ts';
import { type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { sshAdd } from '../../support/ssh/ssh-keygen.ts';
import { until } from '../../support/time/poll.ts';

const HOST = 'abc@127.0.0.1';
let host: SshHost;
let servers: Server[] = [];
let clients: ChildProcess[] = [];

beforeEach(async () => {
  host = await startSshHost({ logLevel: 'INFO' });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const client of clients) client.kill('SIGKILL');
  for (const server of servers) server.close();
  servers = [];
  clients = [];
  await host.stop();
});

/** Answers what it got only after it got all of it: works only where half-close is kept. */
async function startDigestServer(where: { path: string } | { port: number }): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256');
    socket.on('data', (chunk) => hash.update(chunk));
    socket.on('error', () => {});
    socket.on('end', () => socket.end(hash.digest('hex')));
  });
  servers.push(server);
  server.listen({ host: '127.0.0.1', ...where });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port ?? 0;
}

async function ask(socket: Socket, question: Buffer): Promise<string> {
  const answer: Buffer[] = [];
  socket.on('data', (chunk) => answer.push(chunk));
  socket.end(question);
  await once(socket, 'end');
  return Buffer.concat(answer).toString();
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function forward(...args: string[]): { client: ChildProcess; stderr: () => string } {
  const client = host.start(['-N', '-o', 'ExitOnForwardFailure=yes', ...args, HOST]);
  clients.push(client);
  let stderr = '';
  client.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return { client, stderr: () => stderr };
}

async function connected(target: { port: number } | { path: string }): Promise<Socket> {
  for (let tries = 0; ; tries++) {
    const socket = connect({ allowHalfOpen: true, host: '127.0.0.1', ...target });
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (tries > 500) throw error;
      await sleep(20);
    }
  }
}

test('-L carries megabytes, keeps half-close, and is activity', async () => {
  const target = await startDigestServer({ port: 0 });
  const port = await freePort();
  forward('-L', `${port}:127.0.0.1:${target}`);
  const question = randomBytes(5_000_000);
  const before = host.activity.count;
  expect(await ask(await connected({ port }), question)).toBe(digest(question));
  expect(host.activity.count).toBeGreaterThan(before);
});

test('-L delivers what is sent after the target has ended its own direction', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.end('goodbye');
    const received: Buffer[] = [];
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('end', () => {
      resolve(digest(Buffer.concat(received)));
    });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = await freePort();
  forward('-L', `${port}:127.0.0.1:${(server.address() as AddressInfo).port}`);
  const socket = await connected({ port });
  const farewell = once(socket, 'end');
  socket.resume();
  await farewell;
  const late = randomBytes(3_000_000);
  socket.end(late);
  expect(await promise).toBe(digest(late));
});

test('-R on a port of its own choice carries megabytes and keeps half-close', async () => {
  const target = await startDigestServer({ port: 0 });
  const { stderr } = forward('-R', `0:127.0.0.1:${target}`);
  await until('the port is told', () => /Allocated port \d+/.test(stderr()));
  const port = Number(/Allocated port (\d+)/.exec(stderr())?.[1]);
  const question = randomBytes(5_000_000);
  expect(await ask(await connected({ port }), question)).toBe(digest(question));
});

test('-R of a taken port is refused, and the client is told', async () => {
  const taken = await startDigestServer({ port: 0 });
  const { client, stderr } = forward('-R', `${taken}:127.0.0.1:1`);
  await once(client, 'close');
  expect(stderr()).toContain('remote port forwarding failed');
  expect(host.logs).toContainEqual(expect.objectContaining({ event: 'forward refused' }));
});

test('-R is cancelled through the master and can be set up again', async () => {
  const control = ['-o', `ControlPath=${host.folder}/control`];
  const target = await startDigestServer({ port: 0 });
  const port = await freePort();
  const master = host.start([...control, '-M', '-N', HOST]);
  clients.push(master);
  await until('the master is up', () => existsSync(`${host.folder}/control`));
  for (let round = 0; round < 2; round++) {
    expect(
      (await host.ssh([...control, '-O', 'forward', '-R', `${port}:127.0.0.1:${target}`, HOST])).code,
    ).toBe(0);
    expect(await ask(await connected({ port }), Buffer.from('hi'))).toBe(digest(Buffer.from('hi')));
    expect(
      (await host.ssh([...control, '-O', 'cancel', '-R', `${port}:127.0.0.1:${target}`, HOST])).code,
    ).toBe(0);
  }
});

test('-D dials what SOCKS clients ask for', async () => {
  const target = await startDigestServer({ port: 0 });
  const port = await freePort();
  forward('-D', `127.0.0.1:${port}`);
  const socket = await connected({ port });
  socket.write(Buffer.from([5, 1, 0]));
  await once(socket, 'data');
  socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, target >> 8, target & 255]));
  await once(socket, 'data');
  expect(await ask(socket, Buffer.from('through socks'))).toBe(digest(Buffer.from('through socks')));
});

test('unix sockets are forwarded both ways, and a remote one is for its owner only', async () => {
  const inside = path.join(host.folder, 'inside');
  const outside = path.join(host.folder, 'outside');
  await startDigestServer({ path: inside });
  forward('-L', `${outside}:${inside}`);
  expect(await ask(await connected({ path: outside }), Buffer.from('a'))).toBe(digest(Buffer.from('a')));
  const back = path.join(host.folder, 'back');
  forward('-R', `${back}:${inside}`);
  expect(await ask(await connected({ path: back }), Buffer.from('b'))).toBe(digest(Buffer.from('b')));
  expect(statSync(back).mode & 0o777).toBe(0o600);
});

test('a target that refuses is told to the client with the reason', async () => {
  const closed = await freePort();
  const outcome = await host.ssh(['-W', `127.0.0.1:${closed}`, HOST]);
  expect(outcome.stderr).toMatch(/open failed: connect failed: .*ECONNREFUSED/);
});

test('a listener goes away with its connection', async () => {
  const target = await startDigestServer({ port: 0 });
  const port = await freePort();
  const { client } = forward('-R', `${port}:127.0.0.1:${target}`);
  (await connected({ port })).destroy();
  client.kill('SIGKILL');
  await until(
    'nobody listens',
    () => spawnSync('bash', ['-c', `: < /dev/tcp/127.0.0.1/${port}`]).status !== 0,
  );
});

/** An ssh-agent at the client with the login's key: what `ssh` needs to find it. */
async function startAgentAtClient(): Promise<{ SSH_AUTH_SOCK: string }> {
  const agent = await startSshAgent(path.join(host.folder, 'agent'));
  onTestFinished(() => agent[Symbol.asyncDispose]());
  await sshAdd(agent.socketPath, [host.keyFile]);
  return { SSH_AUTH_SOCK: agent.socketPath };
}

test('the ssh-agent of the client is there with -A, in a folder of its own, and only then', async () => {
  const env = await startAgentAtClient();
  const command = 'ssh-add -l; stat -c %a "$(dirname "$SSH_AUTH_SOCK")"; echo $SSH_AUTH_SOCK';
  const outcome = await host.ssh(['-A', HOST, command], { env });
  const [listed, mode, socket] = outcome.stdout.toString().split('\n');
  expect(listed).toContain(host.logins[0]?.key?.fingerprint);
  expect(mode).toBe('700');
  await until('the socket is removed', () => !existsSync(socket ?? ''));
  const without = await host.ssh([HOST, 'echo "[$SSH_AUTH_SOCK]"'], { env });
  expect(without.stdout.toString()).toBe('[]\n');
});

test.each([
  ['is not there', 'nowhere'],
  ['is too long for a socket', 'x'.repeat(100)],
])('the ssh-agent of the client is there where the folder for temporary files %s', async (_, name) => {
  const env = await startAgentAtClient();
  const unfit = path.join(host.folder, name);
  if (name !== 'nowhere') mkdirSync(unfit);
  vi.stubEnv('TMPDIR', unfit);
  const outcome = await host.ssh(['-A', HOST, 'ssh-add -l; echo $SSH_AUTH_SOCK'], { env });
  const [listed, socket = ''] = outcome.stdout.toString().split('\n');
  expect(listed).toContain(host.logins[0]?.key?.fingerprint);
  expect(socket.startsWith(unfit)).toBe(false);
  if (name !== 'nowhere') expect(readdirSync(unfit)).toEqual([]);
});

test('with forwarding off nothing is forwarded, and it is logged', async () => {
  await host.stop();
  host = await startSshHost({ forwarding: false, logLevel: 'INFO' });
  const target = await startDigestServer({ port: 0 });
  const local = await host.ssh(['-W', `127.0.0.1:${target}`, HOST]);
  expect(local.stderr).toContain('administratively prohibited: forwarding is off');
  const remote = await host.ssh([
    '-o',
    'ExitOnForwardFailure=yes',
    '-R',
    `0:127.0.0.1:${target}`,
    HOST,
    'true',
  ]);
  expect(remote.code).toBe(255);
  const env = { SSH_AUTH_SOCK: `${host.folder}/agent` };
  const agent = await host.ssh(['-A', HOST, 'echo "[$SSH_AUTH_SOCK]"'], { env });
  expect(agent.stdout.toString()).toBe('[]\n');
  expect(
    host.logs.filter((line) => line.fields['reason'] === 'forwarding is off').length,
  ).toBeGreaterThanOrEqual(2);
});
