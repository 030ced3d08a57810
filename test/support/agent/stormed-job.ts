// A job that strangers storm: an agent as a process behind a dialling relay, and the person whose job it is, with ssh.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT_PROGRAM, type AgentProcess, startAgentProcess } from '../process/agent-program.ts';
import { DiallingRelay } from '../relay/dialling-relay.ts';
import { CLIENT_ENV } from '../ssh/ssh-host.ts';
import { until } from '../time/poll.ts';

export interface StormedJobOptions {
  /** Puts what agent and person need into the folder, before the agent starts in it. */
  readonly prepare: (folder: string) => Promise<unknown>;
  readonly args?: (folder: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that the person has started. */
export interface PersonProgram {
  readonly child: ChildProcess;
  /** What it has said so far, on both outputs. */
  readonly output: () => string;
  /** Resolves to all that it said when it has ended. */
  readonly done: Promise<string>;
}

export interface StormedJob extends AsyncDisposable {
  readonly folder: string;
  readonly relay: DiallingRelay;
  readonly agent: AgentProcess;
  /** Starts a program, which ends with the job at the latest. */
  start(file: string, args: readonly string[], env: Readonly<Record<string, string>>): PersonProgram;
  /** Starts `ssh` as abc; `way` leads to the job, `settings` are `-o` options. */
  ssh(command: string, options: PersonSshOptions): PersonProgram;
}

export interface PersonSshOptions {
  readonly way: readonly string[];
  readonly settings: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Nobody is asked about a host key. */
const CAREFREE = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'] as const;

/** Resolves when the job is open. */
export async function startStormedJob(options: StormedJobOptions): Promise<StormedJob> {
  const { prepare, args = () => [], env = {} } = options;
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'converge-attack-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  await prepare(folder);
  const relay = stack.use(await new DiallingRelay().start());
  const words = [...args(folder), `${relay.base}/agent/job`];
  const agent = startAgentProcess(AGENT_PROGRAM, words, { cwd: folder, env });
  stack.defer(async () => {
    agent.child.kill('SIGKILL');
    await agent.ended;
  });
  const programs: ChildProcess[] = [];
  stack.defer(() => {
    for (const program of programs) program.kill('SIGKILL');
  });
  await relay.linked();
  await until('it is open', () => agent.output().includes('this job is open'));
  const all = stack.move();

  function start(file: string, given: readonly string[], environment: Record<string, string>): PersonProgram {
    const child = spawn(file, given, { env: environment });
    programs.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    return { child, output: () => output, done: once(child, 'close').then(() => output) };
  }

  return {
    folder,
    relay,
    agent,
    start,
    ssh(command, { way, settings, env: more = {} }) {
      const set = [...CAREFREE, ...settings].flatMap((setting) => ['-o', setting]);
      const given = ['-F', '/dev/null', ...way, ...set, 'abc@127.0.0.1', command];
      return start('ssh', given, { ...CLIENT_ENV, ...more });
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
