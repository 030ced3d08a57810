// A client program as a process: what wsproxy and tcptows do alike with a command line, lines for a person, and faults.
import { stackLinesOf } from '#shared/text/fault-text.ts';
import { printableLine } from '#shared/text/printable.ts';
import type { Invalid, PrintedText } from './arguments.ts';
import { CLIENT_EXIT_CODES, type ClientExitCode } from './exit-code.ts';

/** Takes a line for the person. */
export type Report = (line: string) => void;

/** Writes lines to standard error under the program's name. Whatever a line is made of, a terminal shows it as text. */
export function reportAs(program: string): Report {
  return (line) => {
    process.stderr.write(`${printableLine(`${program}: ${line}`)}\n`);
  };
}

/** Does what a command line asks for, down to the exit code. */
export async function runProgram<Run extends { readonly kind: 'run' }>(
  command: Run | PrintedText | Invalid,
  report: Report,
  run: (command: Run) => Promise<ClientExitCode>,
): Promise<ClientExitCode> {
  switch (command.kind) {
    case 'invalid':
      report(command.message);
      return CLIENT_EXIT_CODES.bad_arguments;
    case 'text':
      process.stdout.write(command.text);
      return CLIENT_EXIT_CODES.ended;
    case 'run':
      return run(command);
  }
}

/** Says what should not have happened, one line of its stack at a time. */
export function reportFault(program: string, report: Report, error: unknown): ClientExitCode {
  const [first = '', ...others] = stackLinesOf(error);
  for (const line of [`a fault of ${program} itself: ${first}`, ...others]) report(line);
  return CLIENT_EXIT_CODES.fault;
}
