// The page of the protocol, proved: a client that was written from it alone carries real ssh, and outlives its transports.
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureCommands } from '../../../deploy/build/requirements.ts';
import { AGENT_PROGRAM, type AgentProcess, startAgentProcess } from '../../support/agent/agent-program.ts';
import { type Listening, listening } from '../../support/network/ports.ts';
import { type RunningRelay, startRelay } from '../../support/relay/relay.ts';
import { CLIENT_ENV, outcomeOf, type SshOutcome } from '../../support/ssh/ssh-host.ts';
import { until } from '../../support/time/poll.ts';

const CLIENT = fileURLToPath(new URL('../../support/clients/page-client-program.ts', import.meta.url));
const ID = 'page';
const MIB = 1024 * 1024;

let folder: string;
let relay: RunningRelay;
let agent: AgentProcess;
let fingerprint: string;

beforeAll(async () => {
  await ensureCommands(['ssh', 'ssh-keygen']);
  folder = await mkdtemp(join(tmpdir(), 'converge-page-'));
  await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
  // The agent outlives its clients.
  await writeFile(join(folder, '.hold'), '');
  relay = await startRelay();
  const args = ['--authorized-keys', join(folder, 'key.pub'), `ws://127.0.0.1:${relay.port}/agent/${ID}`];
  agent = startAgentProcess(AGENT_PROGRAM, args, { cwd: folder, env: { SHELL: '/bin/sh' } });
  const card = await until('the card', () => /#(SHA256:\S{43})/.exec(agent.output()) ?? undefined, 20_000);
  fingerprint = card[1] ?? '';
});

afterAll(async () => {
  agent.child.kill('SIGKILL');
  await agent.ended;
  await relay[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function ssh(
  port: number,
  command: string,
  { stdin = Buffer.alloc(0), pin = fingerprint } = {},
): Promise<SshOutcome> {
  const settings = [
    `ProxyCommand=${process.execPath} ${CLIENT} "ws://127.0.0.1:${port}/client/${ID}#${pin}"`,
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'BatchMode=yes',
    'IdentitiesOnly=yes',
  ];
  const words = settings.flatMap((setting) => ['-o', setting]);
  const args = ['-F', 'none', ...words, '-i', join(folder, 'key'), `abc@${ID}`, command];
  return outcomeOf(spawn('ssh', args, { env: CLIENT_ENV }), stdin);
}

/** A TCP proxy that cuts a connection once so many bytes went over it, for as many connections as it has numbers. */
interface CuttingProxy extends Listening {
  readonly connections: () => number;
  readonly cuts: () => number;
}

async function startCuttingProxy(
  targetPort: number,
  cutAfterBytes: readonly number[],
): Promise<CuttingProxy> {
  const left = [...cutAfterBytes];
  const open = new Set<Socket>();
  let connections = 0;
  let cuts = 0;
  const server = createServer((client) => {
    connections += 1;
    const target = connect(targetPort, '127.0.0.1');
    const limit = left.shift() ?? Number.POSITIVE_INFINITY;
    let moved = 0;
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      open.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.on('data', (chunk: Buffer) => {
        moved += chunk.length;
        if (moved < limit || from.destroyed) return;
        cuts += 1;
        client.resetAndDestroy();
        target.resetAndDestroy();
      });
      from.pipe(to);
    }
  });
  const { port, [Symbol.asyncDispose]: close } = await listening(server);
  return {
    port,
    connections: () => connections,
    cuts: () => cuts,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await close();
    },
  };
}

test('the client of the page is written from the page: it imports nothing of services/', async () => {
  const text = await readFile(CLIENT, 'utf8');
  const imported = [...text.matchAll(/^(?:import|export)\b[^;]*?'([^']+)'|\bimport\(/gm)].map(
    ([, name]) => name,
  );
  expect(imported).toEqual(['node:crypto', 'ws']);
});

test('a line of shell comes back through it', async () => {
  const outcome = await ssh(relay.port, 'echo $((6*7))');
  expect({ ...outcome, stdout: outcome.stdout.toString() }).toEqual({ code: 0, stdout: '42\n', stderr: '' });
});

test('it outlives the loss of its transports in the middle of a transfer both ways, and no byte differs', async () => {
  const before = await relay.metric('converge_resumes_total{outcome="resumed"}');
  await using proxy = await startCuttingProxy(relay.port, [2 * MIB, 50_000, 5 * MIB]);
  const sent = randomBytes(8 * MIB);
  const outcome = await ssh(proxy.port, 'cat', { stdin: sent });
  expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({ code: 0, stderr: '' });
  expect(outcome.stdout.length).toBe(sent.length);
  expect(digestOf(outcome.stdout)).toBe(digestOf(sent));
  expect(proxy.cuts()).toBe(3);
  expect(proxy.connections()).toBe(4);
  // The agent tells the relay of each: it was one resumable stream, and not four.
  await until('the relay has heard of it', async () => {
    return (await relay.metric('converge_resumes_total{outcome="resumed"}')) === before + 3;
  });
});

test('it ends with the exit code of the command, and cuts a host that its URL does not name', async () => {
  expect((await ssh(relay.port, 'exit 7')).code).toBe(7);
  const outcome = await ssh(relay.port, 'echo in', { pin: `SHA256:${'A'.repeat(43)}` });
  expect(outcome.code).toBe(255);
  expect(outcome.stdout.toString()).toBe('');
  expect(outcome.stderr).toContain(`the host has the key ${fingerprint}`);
});

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
