// The agent's process: arguments in, signals in, exit code out.
import { claimOwnProgram } from '#shared/machine/own-program.ts';
import { stackLinesOf } from '#shared/text/fault-text.ts';
import { printableLine } from '#shared/text/printable.ts';
import { systemClock } from '#shared/time/clock.ts';
import manifest from '../../package.json' with { type: 'json' };
import type { AgentRole } from './agent-process.ts';
import { parseInvocation } from './command-line/cli.ts';
import { AGENT_EXIT_CODES } from './command-line/exit-code.ts';
import { wordsThroughLink } from './converge-command/link.ts';

/** First of all: what the launcher has put into the environment is not the job's. */
claimOwnProgram('agent');

/** The last step of every line: a job's log is read by people and by machines. */
function complain(line: string): void {
  console.error(printableLine(`agent: ${line}`));
}

const ROLE: AgentRole = {
  env: process.env,
  print: (line) => {
    console.log(line);
  },
  complain,
  signalReason: 'signal',
};

/**
 * What runs is imported when it is known what that is: `converge` in a session, which somebody waits for, needs none of an agent,
 * and that takes as long to load as Node itself. The build has V8 compile all of them (deploy/build/code-cache.ts).
 */
export const AGENT_PARTS = {
  convergeCommand: () => import('./converge-command/asking-end.ts'),
  agent: () => import('./agent-process.ts'),
  /** Which the agent imports by itself, once it dials. */
  sshServer: () => import('./ssh/ssh-server.ts'),
  jobSteps: () => import('./job-steps.ts'),
} as const;

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
      const { runConvergeCommand } = await AGENT_PARTS.convergeCommand();
      const { argv, socketPath } = invocation;
      const { stdout, stderr } = process;
      return runConvergeCommand(argv, { clock: systemClock, socketPath, stdout, stderr });
    }
    case 'invalid':
      for (const fault of invocation.faults) complain(fault);
      return AGENT_EXIT_CODES.bad_arguments;
    case 'run': {
      const { runAgent } = await AGENT_PARTS.agent();
      for (const note of invocation.notes) complain(note);
      return (await runAgent(invocation.options, ROLE)).code;
    }
    default: {
      const { runJobStep } = await AGENT_PARTS.jobSteps();
      return runJobStep(invocation, ROLE);
    }
  }
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
