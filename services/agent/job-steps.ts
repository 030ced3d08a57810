// What the steps of a job do with an agent: run a command with one behind it, start one in the background, wait for it, end it.
import { constants, homedir, tmpdir } from 'node:os';
import { isatty } from 'node:tty';
import type { Environment } from '#shared/machine/environment.ts';
import { ownProgramWords } from '#shared/machine/own-program.ts';
import { shellQuoted } from '#shared/text/shell-quoted.ts';
import { systemClock } from '#shared/time/clock.ts';
import { type AgentRole, ENDING_SIGNALS, reapOrphans, runAgent, wayToRelay } from './agent-process.ts';
import { takeName } from './background/background-end.ts';
import { BackgroundLog } from './background/background-log.ts';
import { jobNameFrom } from './background/job-name.ts';
import { printableLogLine } from './background/log-follower.ts';
import { startInBackground } from './background/starting-end.ts';
import { stateFolders } from './background/state-folder.ts';
import {
  absenceOf,
  findAgent,
  stopAgent,
  type WaitingEndOptions,
  waitForAgent,
} from './background/waiting-end.ts';
import type { Invocation } from './command-line/cli.ts';
import { AGENT_EXIT_CODES } from './command-line/exit-code.ts';
import type { JobInvocation } from './command-line/job-words.ts';
import { runConvergeCommand } from './converge-command/asking-end.ts';
import { outlivesHangup, readStart } from './job/hangup.ts';
import { readEnvironmentBlock, wholeEnvironment } from './job/job-environment.ts';
import { enterStartingDirectory } from './job/starting-directory.ts';
import {
  type JobCommandEnd,
  type JobCommandOptions,
  type JobSignal,
  runJobCommand,
  SIGNAL_BASE,
} from './job-command/job-command.ts';
import { ownPlatform } from './own-platform.ts';
import type { DetachedProcess } from './platform/programs.ts';

type InvocationOf<Kind extends Invocation['kind']> = Extract<Invocation, { kind: Kind }>;

/** The descriptors of this process. */
const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;
const STANDARD_DESCRIPTORS = [0, STANDARD_OUTPUT, STANDARD_ERROR] as const;

/** As a shell has it in `$?` of a program that was told to end. */
const CANCELLED = SIGNAL_BASE + constants.signals.SIGTERM;
/** Of a start for which there is no place or no program. */
const NOT_STARTED = 1;
/** Whoever asks for the status where there is nothing. */
const NOTHING_THERE = 1;

/** Does what a step of a job asks for. Resolves to its exit code. */
export async function runJobStep(
  step: InvocationOf<JobInvocation['kind'] | 'in_background'>,
  role: AgentRole,
): Promise<number> {
  switch (step.kind) {
    case 'run_command':
      return runWithCommand(step, role);
    case 'run_alone':
      return runCommandAlone(step, role);
    case 'start':
      return startAgentForJob(step, role);
    case 'in_background':
      return runInBackground(step, role);
    case 'wait':
    case 'stop':
    case 'status':
      return askAgent(step, role);
  }
}

/** Runs `agent run`. Resolves to the command's exit code, unless somebody in a session said otherwise. */
async function runWithCommand(
  { options, notes, command }: InvocationOf<'run_command'>,
  role: AgentRole,
): Promise<number> {
  const { env, complain } = role;
  for (const note of notes) complain(note);
  // Before the command: what is wrong with it is not to be found out after an hour.
  const way = wayToRelay(options, env);
  if (way.kind === 'invalid') return runCommandAlone({ faults: [way.message], command }, role);
  const { code, isCancelled } = await runCommand(command, role);
  if (isCancelled || code === 0) return code;
  complain(`the command ended with ${code}; opening this job for SSH`);
  const end = await runAgent(options, { ...role, signalReason: 'cancelled' });
  if (end.verdict.kind !== 'none') return end.code;
  if (end.code !== AGENT_EXIT_CODES.ended) complain(`the job's own result stands: ${code}`);
  return code;
}

/** Runs the command of `agent run` where there can be no agent, for `faults`. Resolves to the command's exit code. */
async function runCommandAlone(
  { faults, command }: Pick<InvocationOf<'run_alone'>, 'faults' | 'command'>,
  role: AgentRole,
): Promise<number> {
  for (const fault of faults) role.complain(fault);
  role.complain('the command runs without Converge: if it fails, nobody can come in');
  return (await runCommand(command, role)).code;
}

async function runCommand(
  words: JobCommandOptions['words'],
  role: AgentRole,
): Promise<Pick<JobCommandEnd, 'code' | 'isCancelled'>> {
  reapOrphans();
  const ignoresHangup = outlivesHangup(readStart());
  const { fault, ...end } = await runJobCommand({
    words,
    cwd: startingDirectory(role),
    hasTerminal: STANDARD_DESCRIPTORS.some((descriptor) => isatty(descriptor)),
    listen: (signal, listener) =>
      listenFor(signal, ignoresHangup ? withoutHangup(signal, listener) : listener),
  });
  if (fault !== undefined) role.complain(fault);
  return end;
}

function listenFor(signal: JobSignal, listener: () => void): () => void {
  process.on(signal, listener);
  return () => {
    process.off(signal, listener);
  };
}

function withoutHangup(signal: JobSignal, listener: () => void): () => void {
  return signal === 'SIGHUP' ? () => undefined : listener;
}

/** Runs `agent start`. Resolves to 0 when the card is said, else to the agent's exit code. */
async function startAgentForJob(
  { name: given, words, isQuiet }: InvocationOf<'start'>,
  { env, print, complain }: AgentRole,
): Promise<number> {
  if (process.pid === 1) {
    complain(
      'the first process of a container cannot leave anything in the background: the container ends with it',
    );
    return AGENT_EXIT_CODES.bad_arguments;
  }
  const job = jobNameFrom(env);
  const name = given ?? job;
  let isCancelled = false;
  let running: DetachedProcess | undefined;
  // From before there is one: a step that is cancelled as it starts an agent takes it along.
  for (const signal of ENDING_SIGNALS) {
    process.on(signal, () => {
      isCancelled = true;
      running?.kill('SIGTERM');
    });
  }
  const start = await startInBackground({
    name,
    job,
    words,
    platform: ownPlatform(env),
    clock: systemClock,
    program: ownProgramWords(),
    env: new Map(Object.entries(wholeEnvironment(env, readEnvironmentBlock()))),
    cwd: startingDirectory({ env, complain }),
    ...statePlaces(env),
    print: (line) => print(printableLogLine(line)),
    complain,
    onStarted(agent) {
      running = agent;
      if (isCancelled) agent.kill('SIGTERM');
    },
  });
  switch (start.kind) {
    case 'open':
      if (!isQuiet) complain(wayBack(name, job, start.program));
      return AGENT_EXIT_CODES.ended;
    case 'ended':
      if (isCancelled) return CANCELLED;
      if (start.end.kind === 'code') return start.end.code;
      complain(`the agent was killed by signal ${start.end.signal} before it could say how to get in`);
      return SIGNAL_BASE + start.end.signal;
    case 'failed':
      complain(start.detail);
      return NOT_STARTED;
  }
}

/** How the job comes back to it, also without the file that was started. */
function wayBack(name: string, job: string, program: readonly string[]): string {
  const words = program.map((word) => (/^[\w./:@-]+$/.test(word) ? word : shellQuoted(word))).join(' ');
  const named = name === job ? '' : ` --name ${name}`;
  return `in the background, while the job runs; as its last step: ${words} wait${named}`;
}

/** Runs the agent that `agent start` has started. */
async function runInBackground(
  { place, options, notes }: InvocationOf<'in_background'>,
  role: AgentRole,
): Promise<number> {
  let end = (): void => undefined;
  let isUnheard = false;
  const log = new BackgroundLog({ starter: STANDARD_OUTPUT, file: STANDARD_ERROR }, () => {
    isUnheard = true;
    end();
  });
  const complain = log.complaint;
  for (const note of notes) complain(note);
  const claiming = await takeName(place, ownPlatform(role.env).commandPlace, systemClock);
  if (claiming.kind === 'taken') {
    const { by } = claiming;
    complain(
      `an agent named ${by.name} is in the background already (process ${by.pid}): agent stop --name ${by.name} ends it, ` +
        'and --name gives this one another name',
    );
    return AGENT_EXIT_CODES.bad_arguments;
  }
  const { background } = claiming;
  const ended = await runAgent(options, {
    ...role,
    print: log.line,
    complain,
    signalReason: 'signal',
    background: { answer: background.answer, announced: () => log.open() },
    onRunning(agent) {
      end = () => agent.end('cancelled');
      if (isUnheard) end();
    },
  });
  background.leave(ended);
  return ended.code;
}

/** Runs `agent wait`, `agent stop` and `agent status`. */
async function askAgent(
  invocation: InvocationOf<'wait' | 'stop' | 'status'>,
  { env, print, complain }: AgentRole,
): Promise<number> {
  const job = jobNameFrom(env);
  const options: WaitingEndOptions = {
    name: invocation.name ?? job,
    job,
    ...statePlaces(env),
    clock: systemClock,
    print: (line) => print(printableLogLine(line)),
    complain,
  };
  switch (invocation.kind) {
    case 'wait': {
      const cancelled = new AbortController();
      for (const signal of ENDING_SIGNALS) process.on(signal, () => cancelled.abort());
      return waitForAgent({ ...options, lingerMs: invocation.lingerMs, cancelled: cancelled.signal });
    }
    case 'stop':
      return stopAgent(options);
    case 'status': {
      const found = await findAgent(options);
      if (found.kind !== 'alive') {
        complain(absenceOf(options));
        return NOTHING_THERE;
      }
      const { stdout, stderr } = process;
      const { address: socketPath } = found.claim;
      const words = invocation.isJson ? ['status', '--json'] : ['status'];
      return runConvergeCommand(words, { clock: systemClock, socketPath, stdout, stderr });
    }
  }
}

function startingDirectory({ env, complain }: Pick<AgentRole, 'env' | 'complain'>): string {
  const { path, note } = enterStartingDirectory(ownPlatform(env).shells.lastDirectory);
  if (note !== undefined) complain(note);
  return path;
}

function statePlaces(env: Environment): {
  readonly uid: number | undefined;
  readonly states: readonly string[];
} {
  const uid = process.getuid?.();
  const home = env['HOME'] ?? (uid === undefined ? homedir() : undefined);
  return { uid, states: stateFolders({ uid, temporaryDirectory: tmpdir(), home }) };
}
