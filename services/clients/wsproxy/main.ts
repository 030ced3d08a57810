// wsproxy, the process: arguments in, signals in, exit code out.

import { printableLine } from '#shared/text/printable.ts';
import { systemClock } from '#shared/time/clock.ts';
import { CLIENT_EXIT_CODES, type ClientExitCode } from '../exit-code.ts';
import { parseWsproxyCommand } from './cli.ts';
import { widenPipe } from './pipe-size.ts';
import { runWsproxy } from './wsproxy.ts';

/** A session that has ended leaves nothing behind that keeps the process; if something does, it goes after this time. */
const EXIT_WITHIN_MS = 10_000;

/** The last step of every line: whatever it is made of, a terminal shows it as text. */
function report(line: string): void {
  process.stderr.write(`${printableLine(`wsproxy: ${line}`)}\n`);
}

async function main(): Promise<ClientExitCode> {
  const command = parseWsproxyCommand(process.argv.slice(2), process.env);
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
  const code = await runWsproxy({ destination: command.destination, ...streams });
  clearInterval(alive);
  return code;
}

// Node's answer to it would be a debugger (runtime-flags.ts).
process.on('SIGUSR1', () => undefined);

// Nobody reads it: no reason to fail.
process.stderr.on('error', () => undefined);

main().then(
  (code) => {
    // No process.exit: what standard output still holds is written first.
    process.exitCode = code;
    setTimeout(() => process.exit(), EXIT_WITHIN_MS).unref();
  },
  (error: unknown) => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    for (const line of `a fault of wsproxy itself: ${stack}`.split('\n')) report(line);
    process.exit(CLIENT_EXIT_CODES.fault);
  },
);
