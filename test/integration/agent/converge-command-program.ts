// A program that does what the agent's main does with a session command, and nothing else.
import { systemClock } from '#shared/time/clock.ts';
import { parseInvocation } from '../../../services/agent/command-line/cli.ts';
import { runSessionCommand } from '../../../services/agent/converge-command/asking-end.ts';

const invocation = parseInvocation(process.argv.slice(2), process.env);
if (invocation.kind === 'session_command') {
  const { socketPath, argv } = invocation;
  const { stdout, stderr } = process;
  process.exitCode = await runSessionCommand(argv, { clock: systemClock, socketPath, stdout, stderr });
}
