// Cold: what starts with a person's Enter. Every process is new; what it reads is in the page cache.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DIST, PLATFORM } from '../../deploy/build/source-tree.ts';
import { startProcess } from '../support/process/started-process.ts';
import { makeKeyFolder, type Sshd, startBenchAgent, startSshd } from '../support/ssh/sshd.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';

/** Each round starts each so often, in turns. */
const QUICK_STARTS = 5;
const FULL_STARTS = 20;

/** The same shell at both ends; its prompt is the last that it says. */
const SHELL = 'exec /bin/sh -i';
const PROMPT = /[#$] $/;

/** In the log of an agent that can be reached. */
const REACHABLE = /open for SSH/;

export async function measureCold({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const pod = stack.use(await startPod('bench-cold'));
  const sshd = await startSshd(stack, folder);
  const agent = await startBenchAgent(stack, folder, { wsUrl: pod.wsUrl });
  const starts = isFull ? FULL_STARTS : QUICK_STARTS;
  const wsproxy = [join(DIST, `bin/wsproxy-${PLATFORM}`), '--version'] as const;
  say(`${rounds} rounds of ${starts} starts each`);
  // The first one warms up.
  for (let turn = -1; turn < rounds * starts; turn += 1) {
    const node = await timeProgram([process.execPath, '-e', '0']);
    const version = await timeProgram(wsproxy);
    const reachable = await timeAgent(folder, pod.wsUrl);
    const direct = await timePrompt(sshd, folder);
    const ours = await timePrompt(agent, folder);
    if (turn < 0) continue;
    figures.add('cold.node', 'ms', node);
    figures.add('cold.wsproxy', 'ms', version);
    figures.add('cold.wsproxy_over_node', 'ratio', version / node);
    figures.add('cold.agent', 'ms', reachable);
    figures.add('cold.agent_over_node', 'ratio', reachable / node);
    figures.add('cold.prompt.sshd', 'ms', direct);
    figures.add('cold.prompt.ours', 'ms', ours);
    figures.add('cold.prompt.ratio', 'ratio', ours / direct);
  }
}

/** From its start to its end, in milliseconds. */
async function timeProgram([file, ...args]: readonly [string, ...string[]]): Promise<number> {
  const began = performance.now();
  const [code] = (await once(spawn(file, args, { stdio: 'ignore' }), 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${file} ended with ${code}`);
  return performance.now() - began;
}

async function timeAgent(folder: string, wsUrl: string): Promise<number> {
  const { PATH = '', HOME = '/' } = process.env;
  const env = { PATH, HOME, CONVERGE_PASSWORD: 'of-the-bench-and-nothing-else' };
  const command = [join(DIST, `bin/agent-${PLATFORM}`), `${wsUrl}/agent`] as const;
  const began = performance.now();
  const agent = startProcess('agent', command, { cwd: folder, env });
  await agent.see(REACHABLE);
  const milliseconds = performance.now() - began;
  agent.kill('SIGTERM');
  await agent.exited;
  return milliseconds;
}

async function timePrompt(host: Sshd, folder: string): Promise<number> {
  const { PATH = '', HOME = '/' } = process.env;
  const command = ['ssh', '-tt', ...host.options, host.destination, SHELL] as const;
  const began = performance.now();
  const ssh = startProcess(`ssh to ${host.name}`, command, {
    cwd: folder,
    env: { PATH, HOME, TERM: 'xterm' },
  });
  await ssh.see(PROMPT);
  const milliseconds = performance.now() - began;
  ssh.kill('SIGKILL');
  await ssh.exited;
  return milliseconds;
}
