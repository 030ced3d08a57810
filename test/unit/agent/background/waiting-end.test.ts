// The waiting end: a step of the job returns when the agent that it waits for, or has told to end, is gone as a process.
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '#shared/time/clock.ts';
import { claimName } from '../../../../services/agent/background/claim.ts';
import { writeEndRecord } from '../../../../services/agent/background/run-folder.ts';
import { openStateFolder } from '../../../../services/agent/background/state-folder.ts';
import { stopAgent, waitForAgent } from '../../../../services/agent/background/waiting-end.ts';
import { until } from '../../../support/time/poll.ts';

const ME = process.getuid?.();

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'waiting-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

/** Stands for an agent's process: it answers until it is gone, whatever it has left before. */
async function openAgent() {
  const state = join(directory, 'state');
  openStateFolder(state, ME);
  const run = 'run-Abcde1';
  const folder = join(state, run);
  await mkdir(folder);
  const address = join(folder, 'socket');
  const sockets: Socket[] = [];
  const asked: string[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (line) => {
      asked.push(line.toString());
      socket.write('{"exitCode":0,"text":""}\n');
    });
  }).listen(address);
  await once(server, 'listening');
  const claim = { name: 'web', job: 'the job', run, address, pid: process.pid, program: [] };
  await claimName(state, claim, systemClock);
  const options = {
    name: 'web',
    job: 'the job',
    states: [state],
    uid: ME,
    clock: systemClock,
    print: () => undefined,
    complain: () => undefined,
  };
  return {
    options,
    folder,
    asked,
    looks: () => sockets.length,
    /** The connections close, and nothing else. */
    hangUp() {
      for (const socket of sockets) socket.destroy();
    },
    exit() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

test.each(['wait', 'stop'] as const)(
  '%s returns when the process is gone, not with its last word',
  async (step) => {
    const agent = await openAgent();
    const never = new AbortController().signal;
    let code: number | undefined;
    const ended = (
      step === 'stop'
        ? stopAgent(agent.options)
        : waitForAgent({ ...agent.options, lingerMs: 0, cancelled: never })
    ).then((value) => {
      code = value;
    });
    await until('it was asked', () => agent.asked.length > 0);
    expect(agent.asked[0]).toContain(`"command":"${step}"`);
    writeEndRecord(agent.folder, { code: 0, verdict: { kind: 'fail', exitCode: 7 } });
    agent.hangUp();
    const before = agent.looks();
    await until('it has looked again, and again', () => agent.looks() >= before + 3);
    expect(code).toBeUndefined();
    agent.exit();
    await ended;
    expect(code).toBe(step === 'wait' ? 7 : 0);
  },
);
