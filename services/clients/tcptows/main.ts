// tcptows, the process: arguments in, signals in, exit code out.

import { printableLine } from '#shared/text/printable.ts';
import { systemClock } from '#shared/time/clock.ts';
import { CLIENT_EXIT_CODES, type ClientExitCode } from '../exit-code.ts';
import { listenFaultLine, listeningLine, parseTcptowsCommand } from './cli.ts';
import { startTcptows } from './tcptows.ts';

/** The last step of every line: whatever it is made of, a terminal shows it as text. */
function report(line: string): void {
  process.stderr.write(`${printableLine(`tcptows: ${line}`)}\n`);
}

async function main(): Promise<ClientExitCode> {
  const command = parseTcptowsCommand(process.argv.slice(2), process.env);
  switch (command.kind) {
    case 'invalid':
      report(command.message);
      return CLIENT_EXIT_CODES.bad_arguments;
    case 'text':
      process.stdout.write(command.text);
      return CLIENT_EXIT_CODES.ended;
    case 'run':
      break;
  }
  const { destination, bind, port } = command;
  const tcptows = await startTcptows({ destination, bind, port, clock: systemClock, report });
  if (tcptows.kind === 'failed') {
    report(listenFaultLine(tcptows.code, bind, port));
    return CLIENT_EXIT_CODES.fault;
  }
  process.stdout.write(`${listeningLine(tcptows.address)}\n`);
  await new Promise<void>((resolve) => {
    // The second one is answered at once.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  await tcptows.stop();
  return CLIENT_EXIT_CODES.ended;
}

// Node's answer to it would be a debugger (runtime-flags.ts).
process.on('SIGUSR1', () => undefined);

// A terminal that is gone is no reason to drop connections.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    for (const line of `a fault of tcptows itself: ${stack}`.split('\n')) report(line);
    process.exit(CLIENT_EXIT_CODES.fault);
  },
);
