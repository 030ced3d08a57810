// Another user's process in the job, or whoever may signal ours, who wants Node's debugger on a port of loopback.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { listeningSockets } from '../support/machine/listening-sockets.ts';
import { AGENT_PROGRAM, startAgentProcess } from '../support/process/agent-program.ts';
import { startClientProgram } from '../support/process/client-program.ts';
import { DiallingRelay } from '../support/relay/dialling-relay.ts';
import { MoodyRelay } from '../support/relay/moody-relay.ts';
import { startRelayWith } from '../support/relay/relay-start.ts';
import { until } from '../support/time/poll.ts';

const RELAY = fileURLToPath(new URL('../../services/relay/main.ts', import.meta.url));
/** Looks at the ports after the signals; the debugger was there at the second. */
const LOOKS = 40;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).toReversed()) await cleanUp();
});

/** Signals it, and watches that no port is opened. */
async function ask(pid: number): Promise<void> {
  const before = listeningSockets(pid);
  for (let look = 0; look < LOOKS; look += 1) {
    if (look < 3) process.kill(pid, 'SIGUSR1');
    expect(listeningSockets(pid)).toEqual(before);
    await setImmediate();
  }
}

function relayUrl(): Promise<string> {
  const relay = new MoodyRelay();
  cleanups.push(() => relay.stop());
  return relay.start();
}

test('the agent opens none, and goes on', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'converge-attack-'));
  cleanups.push(() => rm(cwd, { recursive: true, force: true }));
  const url = await relayUrl();
  const agent = startAgentProcess(AGENT_PROGRAM, [`${url}/agent/job`], { cwd });
  cleanups.push(() => agent.child.kill('SIGKILL'));
  await until('it is open', () => agent.output().includes('this job is open'), 30_000);
  await ask(agent.child.pid ?? 0);
  agent.child.kill('SIGTERM');
  expect(await agent.ended).toBe(0);
  expect(agent.output()).not.toMatch(/debugger/i);
});

test('wsproxy opens none, and goes on', async () => {
  const relay = await new DiallingRelay().start();
  cleanups.push(() => relay[Symbol.asyncDispose]());
  const { child, errors } = startClientProgram('wsproxy', [relay.clientUrl]);
  cleanups.push(() => child.kill('SIGKILL'));
  await until('it has dialled', () => relay.clients > 0, 30_000);
  await ask(child.pid ?? 0);
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  expect(errors()).not.toMatch(/debugger/i);
});

test('tcptows opens none, and goes on', async () => {
  const url = await relayUrl();
  const { child, errors, exit } = startClientProgram('tcptows', ['0', `${url}/client/job`]);
  cleanups.push(() => child.kill('SIGKILL'));
  await until('it listens', () => listeningSockets(child.pid ?? 0).length === 1, 30_000);
  child.stdout.resume();
  await ask(child.pid ?? 0);
  child.kill('SIGTERM');
  expect(await exit).toBe(0);
  expect(errors()).not.toMatch(/debugger/i);
});

test('the relay opens none, and goes on', async () => {
  const relay = await startRelayWith(RELAY);
  if (!('pid' in relay)) throw new Error(relay.errors);
  cleanups.push(() => relay[Symbol.asyncDispose]());
  await ask(relay.pid);
  expect((await fetch(`${relay.internalUrl}/healthz`)).status).toBe(200);
  expect(await relay.end()).toBe(0);
  expect(relay.errors()).not.toMatch(/debugger/i);
});
