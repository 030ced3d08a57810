// The agent's process: what signals, its terminal and the machine's clock do to it.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AGENT_ON_STEPPED_CLOCK,
  AGENT_PROGRAM,
  type AgentProcess,
  startAgentProcess,
} from '../../support/process/agent-program.ts';
import { MoodyRelay } from '../../support/relay/moody-relay.ts';
import { openTerminal, type Terminal } from '../../support/ssh/ssh-terminal.ts';
import { until } from '../../support/time/poll.ts';

const OPEN = 'this job is open for SSH';
const HOUR_MS = 3_600_000;

/** V8 takes no cache any more from before a flag that it counts in them: says whether it took one at the first connection, and at SIGUSR2. */
const CACHE_PROBE = `
const { Script } = require('node:vm');
const { Socket } = require('node:net');
const source = 'globalThis.there = 1';
const cachedData = new Script(source).createCachedData();
const isTaken = () => !new Script(source, { cachedData }).cachedDataRejected;
let before;
const { connect } = Socket.prototype;
Socket.prototype.connect = function (...how) {
  before ??= isTaken();
  return connect.apply(this, how);
};
process.on('SIGUSR2', () => console.log('as it dials ' + before + ', and afterwards ' + isTaken()));
`;

let directory: string;
let relay: MoodyRelay;
let url: string;
let agents: AgentProcess[];
let terminals: Terminal[];
/** Of agents that a shell started. */
let pids: number[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'agent-process-'));
  relay = new MoodyRelay();
  url = `${await relay.start()}/agent/job`;
  [agents, terminals, pids] = [[], [], []];
});

afterEach(async () => {
  for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  for (const { child, ended } of agents) {
    child.kill('SIGKILL');
    await ended;
  }
  for (const terminal of terminals) terminal.close();
  relay.stop();
  await rm(directory, { recursive: true, force: true });
});

async function start(
  program: readonly [string, ...string[]],
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<AgentProcess> {
  const agent = startAgentProcess(program, [...args, url], { cwd: directory, env });
  agents.push(agent);
  await until('the card', () => agent.output().includes(OPEN), 20_000);
  return agent;
}

/** A shell on a terminal, with the line that starts an agent typed into it; resolves to the agent's pid once it is open. */
async function startOnTerminal(
  line: (agent: string) => string,
): Promise<{ terminal: Terminal; pid: number }> {
  const terminal = openTerminal('/bin/sh', ['-i'], { PATH: process.env['PATH'] ?? '', HOME: directory });
  terminals.push(terminal);
  const words = AGENT_PROGRAM.map((word) => `'${word}'`).join(' ');
  terminal.type(`cd '${directory}'; ${line(`${words} --timeout 5m ${url}`)}\n`);
  await until('a link', () => relay.links.length > 0, 20_000);
  await until('the pid', async () => (await readPid()) !== undefined);
  const pid = (await readPid()) ?? 0;
  pids.push(pid);
  return { terminal, pid };
}

async function readPid(): Promise<number | undefined> {
  try {
    return Number.parseInt(await readFile(join(directory, 'pid'), 'utf8'), 10) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** That it goes on is shown by what it says next: it sees a hold file that was made after the event. */
async function untilItHolds(read: () => string | Promise<string>): Promise<void> {
  await writeFile(join(directory, '.hold'), '');
  await until('it sees the hold file', async () => (await read()).includes('held by .hold until'));
}

const readLog = (): Promise<string> => readFile(join(directory, 'log'), 'utf8');

test('a job that has deleted its workspace gets an agent all the same, and is told where it works', async () => {
  const inGone = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';
  const agent = await start(['/bin/sh', '-c', inGone, 'sh', ...AGENT_PROGRAM]);
  expect(agent.output()).toContain('agent: the directory in which it was started is gone: it works in /\n');
});

describe('a hangup', () => {
  test('does not end an agent that was started with nohup', async () => {
    const agent = await start(['nohup', ...AGENT_PROGRAM]);
    agent.child.kill('SIGHUP');
    await untilItHolds(agent.output);
    agent.child.kill('SIGTERM');
    expect(await agent.ended).toBe(0);
    expect(agent.output()).toContain('ended: the job was told to stop');
  });

  test('does not end an agent with nohup when its terminal goes', async () => {
    const { terminal, pid } = await startOnTerminal((agent) => `nohup ${agent} >log 2>&1 & echo $! >pid`);
    await until('the card', async () => (await readLog()).includes(OPEN));
    terminal.close();
    await terminal.exited;
    process.kill(pid, 'SIGHUP');
    await untilItHolds(readLog);
    expect(isAlive(pid)).toBe(true);
  });

  test('does not end an agent whose shell ignores it, also on a terminal', async () => {
    const { terminal, pid } = await startOnTerminal((agent) => `trap '' HUP; ${agent} & echo $! >pid`);
    await terminal.see(new RegExp(OPEN));
    process.kill(pid, 'SIGHUP');
    await untilItHolds(terminal.screen);
  });

  test('ends an agent that was started on a terminal and has no other', async () => {
    const { terminal, pid } = await startOnTerminal((agent) => `${agent} & echo $! >pid`);
    await terminal.see(new RegExp(OPEN));
    process.kill(pid, 'SIGHUP');
    await terminal.see(/ended: the job was told to stop/);
  });
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends an agent, with nohup too', async (signal) => {
  const agent = await start(['nohup', ...AGENT_PROGRAM]);
  agent.child.kill(signal);
  expect(await agent.ended).toBe(0);
});

test('an agent that is told to end while it starts says goodbye to the relay that has it already', async () => {
  const agent = startAgentProcess(AGENT_PROGRAM, [url], { cwd: directory, env: {} });
  agents.push(agent);
  while (relay.links.length === 0) await setImmediate();
  const left = Promise.withResolvers<string>();
  relay.links[0]?.on('close', (_code, reason) => left.resolve(String(reason)));
  agent.child.kill('SIGTERM');
  expect(await left.promise).toBe('ended');
  expect(await agent.ended).toBe(0);
  expect(agent.output()).toContain('ended: the job was told to stop');
});

test('lets its heap grow once it can be reached, and not before it has loaded what it needs', async () => {
  const probe = join(directory, 'probe.cjs');
  await writeFile(probe, CACHE_PROBE);
  const [node, main] = AGENT_PROGRAM;
  const agent = await start([node, '--no-compilation-cache', '--require', probe, main]);
  agent.child.kill('SIGUSR2');
  await until('an answer', () => agent.output().includes('and afterwards'));
  expect(agent.output()).toContain('as it dials true, and afterwards false');
});

test('an agent whose temporary folder has become read-only ends with 0, and says what it leaves', async () => {
  const folder = join(directory, 'tmp');
  await mkdir(folder);
  // Its mounts vanish with it.
  const mounted = ['sh', '-c', 'mount -t tmpfs tmp "$0" && exec "$@"', folder];
  const words = ['unshare', '--mount', '--propagation', 'private', ...mounted, ...AGENT_PROGRAM] as const;
  const agent = await start(words, [], { TMPDIR: folder });
  const namespace = ['--target', String(agent.child.pid), '--mount'];
  await promisify(execFile)('nsenter', [...namespace, 'mount', '-o', 'remount,ro', folder]);
  agent.child.kill('SIGTERM');
  expect(await agent.ended).toBe(0);
  expect(agent.output()).toMatch(
    /the files of `converge` stay: EROFS.*\n.*ended: the job was told to stop\n$/,
  );
});

describe("a step of the machine's clock", () => {
  /** By itself once the job is open: nobody has to be quick. */
  const stepOf = (ms: number) => ({ STEP_MS: String(ms), STEP_AT: OPEN });

  test('forwards by an hour does not end an agent that waits', async () => {
    const agent = await start(AGENT_ON_STEPPED_CLOCK, ['--timeout', '5m'], stepOf(HOUR_MS));
    await until('the step', () => agent.output().includes('stepped to'));
    await untilItHolds(agent.output);
    expect(agent.output()).not.toContain('ended');
  });

  test('back by an hour does not keep an agent beyond its longest lifetime', async () => {
    // Longer than a busy machine takes to open the job.
    const limits = ['--timeout', '10s', '--max-lifetime', '10s'];
    const agent = await start(AGENT_ON_STEPPED_CLOCK, limits, stepOf(-HOUR_MS));
    await until('the step', () => agent.output().includes('stepped to'));
    expect(await agent.ended).toBe(0);
    expect(agent.output()).toContain('ended: nobody logged in before the deadline');
  });
});
