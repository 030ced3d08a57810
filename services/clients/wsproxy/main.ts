// wsproxy, the process: arguments in, signals in, exit code out.
import { claimOwnProgram } from '#shared/machine/own-program.ts';
import { systemClock } from '#shared/time/clock.ts';
import { type Report, reportAs, reportFault, runProgram } from '../command-line/client-process.ts';
import type { ClientExitCode } from '../command-line/exit-code.ts';
import { runTool } from '../tools/run-tool.ts';
import { parseWsproxyCommand, type WsproxyRun } from './cli.ts';
import { widenPipe } from './pipe-size.ts';
import { runWsproxy } from './wsproxy.ts';

/** A visit that has ended leaves nothing behind that keeps the process; if something does, it goes after this time. */
const EXIT_WITHIN_MS = 10_000;

claimOwnProgram('wsproxy');
const report = reportAs('wsproxy');

async function run({ destination, identity }: WsproxyRun): Promise<ClientExitCode> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // The second one is answered at once.
    process.once(signal, () => {
      stop.abort();
    });
  }
  // A terminal that closes sends it, and so does the ssh that dies of that: the agent must hear of it all the same.
  process.on('SIGHUP', () => {
    stop.abort();
  });
  // The clock's timers do not keep a process: while it waits for an agent, this does.
  const alive = setInterval(() => undefined, 60_000);
  const { stdin: input, stdout: output } = process;
  const widen = (): void => void widenPipe(output.fd);
  const streams = { input, output, widen, clock: systemClock, report, signal: stop.signal };
  const code = await runWsproxy({ destination, identity, ...streams });
  clearInterval(alive);
  return code;
}

// Node's answer to it would be a debugger (runtime-flags.ts).
process.on('SIGUSR1', () => undefined);

const command = parseWsproxyCommand(process.argv.slice(2), process.env);

// A tool inherits the outputs as they are: nothing here may touch them before, Node would make pipes of them non-blocking.
const ended =
  command.kind === 'tool'
    ? runTool(command.words, process.env, report)
    : runProgram(command, silently(report), run);

ended.then(
  (code) => {
    // No process.exit: what standard output still holds is written first.
    process.exitCode = code;
    setTimeout(() => process.exit(), EXIT_WITHIN_MS).unref();
  },
  (error: unknown) => process.exit(reportFault('wsproxy', report, error)),
);

/** Nobody reads it: no reason to fail. */
function silently(told: Report): Report {
  process.stderr.on('error', () => undefined);
  return told;
}
