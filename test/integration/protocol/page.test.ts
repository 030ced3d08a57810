// The page of the protocol, proved: a client, an agent and a relay that were written from it alone meet those of this house.
// That they import nothing of services/ is in the table of rooms.
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { holdFolder } from '../../support/machine/held-folder.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { startCuttingProxy } from '../../support/network/cutting-proxy.ts';
import { startPageAgent } from '../../support/page/agent.ts';
import { type PageRelay, startPageRelay } from '../../support/page/relay.ts';
import { AGENT_PROGRAM, type AgentProcess, startAgentProcess } from '../../support/process/agent-program.ts';
import { commandOf } from '../../support/process/client-program.ts';
import { type LogLine, type RunningRelay, startRelay } from '../../support/relay/relay.ts';
import { CLIENT_ENV, outcomeOf, type SshOutcome } from '../../support/ssh/ssh-host.ts';
import { until } from '../../support/time/poll.ts';

const PAGE_CLIENT = `${process.execPath} ${fileURLToPath(new URL('../../support/page/client-program.ts', import.meta.url))}`;
const MIB = 1024 * 1024;
const RESUMED = 'converge_resumes_total{outcome="resumed"}';

let folder: string;
let relay: RunningRelay;
let pageRelay: PageRelay;
let agents: AgentProcess[];
/** Of the agents at the relay of this house, and at that of the page. */
let pins: { readonly here: string; readonly page: string };

beforeAll(async () => {
  await ensureCommands(['ssh', 'ssh-keygen']);
  folder = await mkdtemp(join(tmpdir(), 'converge-page-'));
  await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
  // The agents outlive their clients.
  await holdFolder(folder);
  [relay, pageRelay, agents] = [await startRelay(), await startPageRelay(), []];
  const [here, page] = await Promise.all([startAgent(relay.port), startAgent(pageRelay.port)]);
  pins = { here, page };
});

afterAll(async () => {
  for (const { child, ended } of agents) {
    child.kill('SIGKILL');
    await ended;
  }
  await relay[Symbol.asyncDispose]();
  await pageRelay[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Starts an agent of this house; the result is its fingerprint. */
async function startAgent(port: number): Promise<string> {
  const args = ['--authorized-keys', join(folder, 'key.pub'), `ws://127.0.0.1:${port}/agent/job`];
  const agent = startAgentProcess(AGENT_PROGRAM, args, { cwd: folder, env: { SHELL: '/bin/sh' } });
  agents.push(agent);
  const card = await until('the card', () => /#(SHA256:\S{43})/.exec(agent.output()) ?? undefined, 30_000);
  return card[1] ?? '';
}

/** Runs `ssh` to an agent, with `program` in its ProxyCommand. */
function ssh(
  program: string,
  { port, pin }: { readonly port: number; readonly pin: string },
  command: string,
  stdin = Buffer.alloc(0),
): Promise<SshOutcome> {
  const settings = [
    `ProxyCommand=${program} "ws://127.0.0.1:${port}/client/job#${pin}"`,
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'BatchMode=yes',
    'IdentitiesOnly=yes',
  ];
  const words = settings.flatMap((setting) => ['-o', setting]);
  const args = ['-F', 'none', ...words, '-i', join(folder, 'key'), 'abc@job', command];
  return outcomeOf(spawn('ssh', args, { env: CLIENT_ENV }), stdin);
}

/** Standard output is what went in, byte by byte, and nothing else was said. */
function expectSame({ code, stdout, stderr }: SshOutcome, sent: Buffer): void {
  const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  expect({ code, stderr, bytes: stdout.length }).toEqual({ code: 0, stderr: '', bytes: sent.length });
  expect(digestOf(stdout)).toBe(digestOf(sent));
}

test('client of the page: a line of shell comes back, and the exit code of a command', async () => {
  const to = { port: relay.port, pin: pins.here };
  const outcome = await ssh(PAGE_CLIENT, to, 'echo $((6*7))');
  expect({ ...outcome, stdout: outcome.stdout.toString() }).toEqual({ code: 0, stdout: '42\n', stderr: '' });
  expect((await ssh(PAGE_CLIENT, to, 'exit 7')).code).toBe(7);
});

test('client of the page: it outlives its transports in the middle of a transfer both ways, and no byte differs', async () => {
  const before = await relay.metric(RESUMED);
  await using proxy = await startCuttingProxy(relay.port, [2 * MIB, 50_000, 5 * MIB]);
  const sent = randomBytes(8 * MIB);
  expectSame(await ssh(PAGE_CLIENT, { port: proxy.port, pin: pins.here }, 'cat', sent), sent);
  expect(proxy.cuts()).toBe(3);
  expect(proxy.connections()).toBe(4);
  // The agent tells the relay of each: it was one resumable stream, and not four.
  await until('the relay has heard of it', async () => (await relay.metric(RESUMED)) === before + 3);
});

test('client of the page: it cuts a host that its URL does not name', async () => {
  const pin = `SHA256:${'A'.repeat(43)}`;
  const outcome = await ssh(PAGE_CLIENT, { port: relay.port, pin }, 'echo in');
  expect(outcome.code).toBe(255);
  expect(outcome.stdout.toString()).toBe('');
  expect(outcome.stderr).toContain(`the host has the key ${pins.here}`);
});

test('agent of the page: wsproxy moves bytes to it and back over transports that are cut, and a plain client does too', async () => {
  const agent = await startPageAgent(`ws://127.0.0.1:${relay.port}`, 'page');
  await using proxy = await startCuttingProxy(relay.port, [MIB, 3 * MIB]);
  const sent = randomBytes(6 * MIB);
  // An echo has no end of its own, so this side ends when all is back.
  const child = spawn(`${commandOf('wsproxy')} ws://127.0.0.1:${proxy.port}/client/page`, {
    shell: true,
    env: CLIENT_ENV,
  });
  const [back, said]: [Buffer[], Buffer[]] = [[], []];
  let size = 0;
  child.stderr.on('data', (bytes: Buffer) => said.push(bytes));
  child.stdout.on('data', (bytes: Buffer) => {
    back.push(bytes);
    size += bytes.length;
    if (size >= sent.length) child.stdin.end();
  });
  child.stdin.write(sent);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  expectSame({ code, stdout: Buffer.concat(back), stderr: Buffer.concat(said).toString() }, sent);
  expect(proxy.cuts()).toBe(2);
  await until('its end', () => agent.events.includes('over 0'));
  const events = agent.events.filter((event) => event !== 'dial' && event !== 'grant');
  expect(events).toEqual(['welcome', 'new', 'resumed', 'resumed', 'over 0']);

  const plain = new WebSocket(`ws://127.0.0.1:${relay.port}/client/page`);
  const answer = await new Promise<string>((resolve, reject) => {
    plain.on('error', reject);
    plain.on('open', () => plain.send(Buffer.from('SSH-2.0-test')));
    plain.on('message', (bytes: Buffer) => resolve(bytes.toString()));
  });
  expect([answer, plain.protocol]).toEqual(['SSH-2.0-test', '']);
  plain.close();
  agent.stop();
  // R-LINK-9: it said goodbye, so nobody has the ID any more.
  const isGoodbye = ({ msg, id, reason }: LogLine) =>
    msg === 'agent unlinked' && id === 'page' && reason === 'ended';
  await until('it has left', () => relay.log.some(isGoodbye));
  expect(await refusalOf(relay.port, 'page')).toBe('404 agent_not_found');
});

test('relay of the page: ssh gets through it to an agent, with the programs of this house, and outlives what is cut', async () => {
  const program = commandOf('wsproxy');
  const outcome = await ssh(program, { port: pageRelay.port, pin: pins.page }, 'echo $((6*7))');
  expect({ ...outcome, stdout: outcome.stdout.toString() }).toEqual({ code: 0, stdout: '42\n', stderr: '' });
  await using proxy = await startCuttingProxy(pageRelay.port, [2 * MIB]);
  const sent = randomBytes(4 * MIB);
  expectSame(await ssh(program, { port: proxy.port, pin: pins.page }, 'cat', sent), sent);
  expect(proxy.cuts()).toBe(1);
  await until('the agent has told of it', () => pageRelay.heard.includes('resumption'));
  expect(new Set(pageRelay.heard)).toEqual(new Set(['status', 'resumption']));
});

test('relay and client of the page: they carry ssh to an agent of this house', async () => {
  const outcome = await ssh(PAGE_CLIENT, { port: pageRelay.port, pin: pins.page }, 'echo all but the agent');
  expect(outcome.stdout.toString()).toBe('all but the agent\n');
});

test('paths: each that the page lists is there, on its listener and not on the other', async () => {
  const page = await readFile(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| (public|internal) \| `(WS|GET|POST) (\S+)` \|/gm)];
  expect(rows).toHaveLength(14);
  for (const [, listener, method, path = ''] of rows) {
    const [port, other] = [relay.port, relay.internalPort];
    const ask = async (at: number) => {
      const answer = await fetch(`http://127.0.0.1:${at}${path}`, {
        method: method === 'POST' ? 'POST' : 'GET',
      });
      return /nothing is at/.test(await answer.text()) ? 'nothing' : 'something';
    };
    const answers = { public: await ask(port), internal: await ask(other) };
    expect([path, answers[listener as 'public' | 'internal']]).toEqual([path, 'something']);
    expect([path, answers[listener === 'public' ? 'internal' : 'public']]).toEqual([path, 'nothing']);
  }
});

/** Status and code of the answer to a client. */
function refusalOf(port: number, id: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/client/${id}`);
    socket.on('open', () => {
      socket.close();
      resolve('accepted');
    });
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => {
        resolve(`${response.statusCode} ${(JSON.parse(body) as { code: string }).code}`);
      });
    });
  });
}
