// The agent's process: arguments in, signals in, exit code out.
import { claimOwnProgram } from '#shared/machine/own-program.ts';
import { stackLinesOf } from '#shared/text/fault-text.ts';
import { printableLine } from '#shared/text/printable.ts';
import { systemClock } from '#shared/time/clock.ts';
import manifest from '../../package.json' with { type: 'json' };
import { type AgentRole, runAgent } from './agent-process.ts';
import { parseInvocation } from './command-line/cli.ts';
import { AGENT_EXIT_CODES } from './command-line/exit-code.ts';
import { runConvergeCommand } from './converge-command/asking-end.ts';
import { wordsThroughLink } from './converge-command/link.ts';
import { askAgent, runCommandAlone, runInBackground, runWithCommand, startAgentForJob } from './job-steps.ts';

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
      return (await runAgent(invocation.options, ROLE)).code;
    case 'run_command':
      return runWithCommand(invocation, ROLE);
    case 'run_alone':
      return runCommandAlone(invocation, ROLE);
    case 'start':
      return startAgentForJob(invocation, ROLE);
    case 'in_background':
      return runInBackground(invocation, ROLE);
    case 'wait':
    case 'stop':
    case 'status':
      return askAgent(invocation, ROLE);
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
