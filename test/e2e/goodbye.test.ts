// What is a goodbye and what is not: the ways in which a client goes, and what becomes of the agent.
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import type { E2eAgent } from '../support/laptop/job.ts';
import { makeKey, openWay, type Secret, type Way } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { listening } from '../support/network/ports.ts';
import { until } from '../support/time/poll.ts';

const FINE = { code: 0, signal: null };

const world = useWorld();
let key: Secret & { kind: 'key' };

beforeAll(async () => {
  key = await makeKey(world);
});

async function open(args: readonly string[] = []): Promise<{ agent: E2eAgent; way: Way }> {
  return openJob(world, { key, args: ['--resume-window', '2s', ...args] });
}

/** Of the process that `ssh` started as its way: the child of `pid` that runs wsproxy. */
async function wsproxyOf(pid: number | undefined): Promise<number> {
  return until('ssh has its wsproxy', async () => {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    for (const child of children.trim().split(' ').map(Number)) {
      const command = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
      if (command.includes('wsproxy')) return child;
    }
    return undefined;
  });
}

/** A client program that knows of no resumption, as websocat. */
function connectBare(socket: Socket, transport: WebSocket): void {
  const bridge = createWebSocketStream(transport);
  for (const end of [socket, bridge]) end.on('error', () => undefined);
  socket.pipe(bridge).pipe(socket);
}

describe.concurrent('the agent ends when its last client', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('has its ssh ended by %s', async (signal) => {
    const { agent, way } = await open();
    const client = way.startSsh([way.host, 'echo in; cat']);
    await client.see(/in\n/);
    client.child.kill(signal);
    await client.exited;
    expect(await agent.process.exited).toEqual(FINE);
    expect(agent.process.stdout).toMatch(/logged out after .*\n.*ended: the last client left\n$/);
  });

  test('has its ssh killed -9, idle', async () => {
    const { agent, way } = await open();
    const client = way.startSsh([way.host, 'echo in; cat']);
    await client.see(/in\n/);
    client.child.kill('SIGKILL');
    await client.exited;
    expect(await agent.process.exited).toEqual(FINE);
  });

  test('has its ssh killed -9 in the middle of a flood', async () => {
    const { agent, way } = await open();
    const client = way.startSsh([way.host, 'yes']);
    await client.see(/y\ny\n/);
    client.child.kill('SIGKILL');
    await client.exited;
    expect(await agent.process.exited).toEqual(FINE);
    expect(agent.process.stdout).toMatch(/ended: the last client left\n$/);
  });
});

test('of a client without resumption the close of its WebSocket is a goodbye, a cut is none', async () => {
  const { agent, way } = await open();
  const transports: WebSocket[] = [];
  const server = createServer((socket) => {
    const transport = new WebSocket(`${world.relay.wsUrl}/client/${agent.id}`);
    transports.push(transport);
    connectBare(socket, transport);
  });
  await using bridge = await listening(server);
  const plain = way.throughPort(bridge.port);
  const cut = plain.startSsh([way.host, 'echo in; cat']);
  await cut.see(/in\n/);
  transports[0]?.terminate();
  await cut.exited;
  await agent.process.see(/was lost after .* without a goodbye; nobody is connected: waits until/);
  const killed = plain.startSsh([way.host, 'echo in; cat']);
  await killed.see(/in\n/);
  killed.child.kill('SIGKILL');
  await killed.exited;
  expect(await agent.process.exited).toEqual(FINE);
  expect(agent.process.stdout).toMatch(/logged out after .*\n.*ended: the last client left\n$/);
});

describe.concurrent('the agent goes on waiting when its last client', () => {
  test('has its wsproxy killed -9', async () => {
    const { agent, way } = await open();
    const client = way.startSsh([way.host, 'echo in; cat']);
    await client.see(/in\n/);
    process.kill(await wsproxyOf(client.child.pid), 'SIGKILL');
    await client.exited;
    await agent.process.see(/was lost after .* without a goodbye; nobody is connected: waits until/);
    expect((await way.ssh([way.host, 'echo again'])).stdout).toBe('again\n');
    expect(await agent.process.exited).toEqual(FINE);
  });

  test('got no shell, with a terminal or without', async () => {
    const { agent, way } = await open(['--shell', '/no/such/shell']);
    expect((await way.ssh([way.host])).code).not.toBe(0);
    await agent.process.see(/logged out after .* in which nothing ran; nobody is connected\n/);
    const terminal = way.openTerminal();
    await terminal.see(/no\/such\/shell/);
    await terminal.exited;
    await agent.process.see(/(in which nothing ran[^]*){2}/);
    // sftp needs no shell.
    expect((await way.sftp(['pwd'])).code).toBe(0);
    expect(await agent.process.exited).toEqual(FINE);
    expect(agent.process.stdout).toMatch(/ended: the last client left\n$/);
  });

  test('breaks the protocol', async () => {
    const { agent, way } = await open();
    // Goes between ssh and wsproxy, and adds to what passes after so many reads: more than a login takes.
    const filter = '#!/bin/sh\n(dd bs=64k count=60 2>/dev/null; head -c 4096 /dev/zero; cat) | "$@"\n';
    const ssh = agent.card.ssh.replace("'ProxyCommand=", "'ProxyCommand=./filter ");
    const broken = await openWay(world, { ...agent, card: { ...agent.card, ssh } }, key);
    await writeFile(`${broken.laptop.folder}/filter`, filter, { mode: 0o700 });
    const client = broken.startSsh([way.host, 'cat']);
    client.child.stdin?.write('x'.repeat(8_000_000));
    await agent.process.see(/was lost after .* because of a fault; nobody is connected: waits until/);
    await client.exited;
    expect((await way.ssh([way.host, 'echo again'])).stdout).toBe('again\n');
    expect(await agent.process.exited).toEqual(FINE);
  });

  test('logged in and wanted nothing', async () => {
    const { agent, way } = await open();
    const idle = way.startSsh(['-N', way.host]);
    await agent.process.see(/logged in from/);
    idle.child.kill('SIGTERM');
    await idle.exited;
    await agent.process.see(/in which nothing ran; nobody is connected\n/);
    expect((await way.ssh([way.host, 'echo here'])).stdout).toBe('here\n');
    expect(await agent.process.exited).toEqual(FINE);
  });
});

test('the end of an agent waits for no program that ignores its hangup', async () => {
  const { agent, way } = await open();
  const deaf = "trap '' HUP TERM; echo deaf; while :; do sleep 1; done";
  const piped = way.startSsh([way.host, deaf]);
  await piped.see(/deaf\n/);
  const terminal = way.openTerminal();
  await terminal.see(/[$#] $/);
  terminal.type(`${deaf}\r`);
  await terminal.see(/deaf\r\n/);
  agent.process.kill('SIGTERM');
  agent.process.kill('SIGTERM');
  expect(await agent.process.exited).toEqual(FINE);
  expect(agent.process.stdout).toMatch(/ended: the job was told to stop\n$/);
});
