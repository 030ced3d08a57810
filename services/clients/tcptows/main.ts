// tcptows, the process: arguments in, signals in, exit code out.
import { claimOwnProgram } from '#shared/machine/own-program.ts';
import { takeWorkFlags } from '#shared/machine/work-flags.ts';
import { systemClock } from '#shared/time/clock.ts';
import { reportAs, reportFault, runProgram } from '../command-line/client-process.ts';
import { CLIENT_EXIT_CODES, type ClientExitCode } from '../command-line/exit-code.ts';
import { listenFaultLine, listeningLine, parseTcptowsCommand, type TcptowsRun } from './cli.ts';
import { startTcptows } from './tcptows.ts';

claimOwnProgram('tcptows');
const report = reportAs('tcptows');

async function run({ destination, identity, bind, port }: TcptowsRun): Promise<ClientExitCode> {
  const tcptows = await startTcptows({ destination, identity, bind, port, clock: systemClock, report });
  if (tcptows.kind === 'failed') {
    report(listenFaultLine(tcptows.code, bind, port));
    return CLIENT_EXIT_CODES.fault;
  }
  process.stdout.write(`${listeningLine(tcptows.address)}\n`);
  takeWorkFlags();
  await new Promise<void>((resolve) => {
    // The second one is answered at once.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  await tcptows.stop();
  return CLIENT_EXIT_CODES.ended;
}

// Node's answer to it would be a debugger (runtime-flags.ts).
process.on('SIGUSR1', () => undefined);

// A terminal that is gone is not a reason to drop connections.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

runProgram(parseTcptowsCommand(process.argv.slice(2), process.env), report, run).then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(reportFault('tcptows', report, error)),
);
