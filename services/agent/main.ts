// The agent's process: arguments in, signals in, exit code out.
import { tmpdir } from 'node:os';
import { claimOwnProgram, ownProgramWords } from '#shared/machine/own-program.ts';
import { proxyFor } from '#shared/machine/proxy.ts';
import { stackLinesOf } from '#shared/text/fault-text.ts';
import { printableLine } from '#shared/text/printable.ts';
import { systemClock } from '#shared/time/clock.ts';
import { maskFrom } from '#shared/websocket/mask-choice.ts';
import manifest from '../../package.json' with { type: 'json' };
import { startAgent } from './agent.ts';
import { type AgentOptions, parseInvocation } from './command-line/cli.ts';
import { AGENT_EXIT_CODES } from './command-line/exit-code.ts';
import { runConvergeCommand } from './converge-command/asking-end.ts';
import { wordsThroughLink } from './converge-command/link.ts';
import { outlivesHangup, readStart } from './job/hangup.ts';
import { readEnvironmentBlock } from './job/job-environment.ts';
import { enterStartingDirectory } from './job/starting-directory.ts';
import { ownPlatform } from './own-platform.ts';
import { startOrphanReaper } from './process/orphan-reaper.ts';

/** First of all: what the launcher has put into the environment is not the job's. */
claimOwnProgram('agent');

/** SIGBREAK is Ctrl-Break, by which Windows' runners cancel a step; other systems have none. */
const ENDING_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGBREAK'] as const;

/** The last step of every line: a job's log is read by people and by machines. */
function complain(line: string): void {
  console.error(printableLine(`agent: ${line}`));
}

async function main(): Promise<number> {
  const words = wordsThroughLink(process.argv0, process.argv.slice(2), process.env['PATH']);
  const invocation = parseInvocation(words, process.env);
  switch (invocation.kind) {
    case 'help':
      console.log(invocation.text);
      return AGENT_EXIT_CODES.ended;
    case 'version':
      console.log(manifest.version);
      return AGENT_EXIT_CODES.ended;
    case 'converge_command': {
      const { argv, socketPath } = invocation;
      const { stdout, stderr } = process;
      return runConvergeCommand(argv, { clock: systemClock, socketPath, stdout, stderr });
    }
    case 'invalid':
      for (const fault of invocation.faults) complain(fault);
      return AGENT_EXIT_CODES.bad_arguments;
    case 'run':
      for (const note of invocation.notes) complain(note);
      return run(invocation.options);
  }
}

async function run(options: AgentOptions): Promise<number> {
  const ignoresHangup = outlivesHangup(readStart());
  // Node makes it end the process again, even where the starter had it ignored (see hangup.ts).
  if (ignoresHangup) process.on('SIGHUP', () => undefined);
  const choice = proxyFor(new URL(options.relay.base), process.env);
  if (choice.kind === 'invalid') {
    complain(choice.message);
    return AGENT_EXIT_CODES.bad_arguments;
  }
  const masking = maskFrom(process.env);
  if (masking.kind === 'invalid') {
    complain(masking.message);
    return AGENT_EXIT_CODES.bad_arguments;
  }
  // The first process of a container has the orphans of all others.
  if (process.pid === 1) startOrphanReaper(systemClock);
  const platform = ownPlatform(process.env);
  const directory = enterStartingDirectory(platform.shells.lastDirectory);
  if (directory.note !== undefined) complain(directory.note);
  const agent = await startAgent(options, {
    platform,
    env: process.env,
    environmentBlock: readEnvironmentBlock(),
    cwd: directory.path,
    clock: systemClock,
    random: Math.random,
    temporaryDirectory: tmpdir(),
    program: ownProgramWords(),
    proxy: choice.kind === 'proxy' ? choice.url : undefined,
    mask: masking.mask,
    print: (line) => {
      console.log(line);
    },
    complain,
  });
  if (agent.kind === 'failed') return agent.code;
  for (const signal of ENDING_SIGNALS) {
    process.on(signal, () => {
      if (signal !== 'SIGHUP' || !ignoresHangup) agent.end('signal');
    });
  }
  const code = await agent.ended;
  await platform.programs.settled();
  return code;
}

// Node's answer to it would be a debugger (runtime-flags.ts).
process.on('SIGUSR1', () => undefined);

// A job log that nobody reads any more is not a reason to end the session of somebody.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

main().then(
  (code) => {
    process.exit(code);
  },
  (error: unknown) => {
    for (const line of stackLinesOf(error)) complain(line);
    process.exit(1);
  },
);
