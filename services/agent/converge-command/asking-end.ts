// The session's end of the `converge` command: reads the arguments, asks the agent, prints the answer.
import { connect } from 'node:net';
import { printableLine } from '#shared/text/printable.ts';
import type { Clock } from '#shared/time/clock.ts';
import { parseDuration } from '#shared/time/duration.ts';
import { holdWordsOf } from '../expiry/hold-words.ts';
import { type LineRead, readLine } from './line-reader.ts';
import {
  type ConvergeReply,
  type ConvergeRequest,
  formatLine,
  isFailureCode,
  parseReply,
} from './request.ts';

function usageOf(system: NodeJS.Platform): string {
  const { hold, release } = holdWordsOf(system);
  return `usage: converge COMMAND

  status [--json]   who is here, when this ends, what holds it
  hold [DURATION]   keep the job for DURATION from now (2h, 90m; default: the agent's
                    timeout), also when everybody leaves; the same as: ${hold}
  release           let go: end when the last client leaves; the same as: ${release}
  allow KEY         let in whoever has this key too, until the end: a line as
                    authorized_keys has it, in quotes
  password on|off   let people in by the password, or not: it is off by itself after
                    100 wrong ones; sessions that are open go on
  continue          end now, and the job goes on as a success
  fail [CODE]       end now, and the job fails with CODE (1 to 255; default: 1)
  end               end now: every session closes; the job's own result stands
  help              this text
`;
}

/** Exit code of a command line that is not understood. */
const BAD_USAGE = 2;

type ParsedCommand =
  | { readonly kind: 'request'; readonly request: ConvergeRequest }
  | { readonly kind: 'help' }
  | { readonly kind: 'invalid'; readonly fault: string };

interface Output {
  write(text: string): unknown;
}

export interface AskingEndOptions {
  readonly clock: Clock;
  readonly socketPath: string;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** Runs `converge ARGV…`. Resolves to its exit code: 0 done, 1 the agent says no or is gone, 2 bad usage. */
export async function runConvergeCommand(
  argv: readonly string[],
  options: AskingEndOptions,
): Promise<number> {
  const parsed = parseCommand(argv);
  if (parsed.kind === 'help') {
    options.stdout.write(usageOf(process.platform));
    return 0;
  }
  if (parsed.kind === 'invalid') {
    options.stderr.write(`converge: ${parsed.fault}\n\n${usageOf(process.platform)}`);
    return BAD_USAGE;
  }
  const reply = await ask(parsed.request, options);
  const output = reply.exitCode === 0 ? options.stdout : options.stderr;
  // A fault may quote a path that somebody named.
  for (const line of reply.text.split('\n')) output.write(`${printableLine(line)}\n`);
  return reply.exitCode;
}

function parseCommand(argv: readonly string[]): ParsedCommand {
  const [command, argument, ...excess] = argv;
  switch (command) {
    case undefined:
      return { kind: 'invalid', fault: 'which command?' };
    case 'help':
    case '--help':
    case '-h':
      return { kind: 'help' };
    case 'hold':
      if (excess.length > 0) return { kind: 'invalid', fault: `hold takes one duration, such as 2h` };
      return parseHold(argument);
    case 'password':
      if (excess.length === 0 && (argument === 'on' || argument === 'off')) {
        return { kind: 'request', request: { command, state: argument } };
      }
      return { kind: 'invalid', fault: 'password takes one word, on or off' };
    case 'allow':
      if (argument === undefined) return { kind: 'invalid', fault: 'allow takes a key, in quotes' };
      return { kind: 'request', request: { command, line: [argument, ...excess].join(' ') } };
    case 'status':
      if (argument === '--json' && excess.length === 0)
        return { kind: 'request', request: { command, form: 'json' } };
      if (argument === undefined) return { kind: 'request', request: { command } };
      return { kind: 'invalid', fault: `status takes --json or nothing, got "${argument}"` };
    case 'fail':
      return excess.length > 0
        ? { kind: 'invalid', fault: 'fail takes one exit code, 1 to 255' }
        : parseFailure(argument);
    case 'release':
    case 'continue':
    case 'end':
      if (argument === undefined) return { kind: 'request', request: { command } };
      return { kind: 'invalid', fault: `${command} takes no argument, got "${argument}"` };
    default:
      return { kind: 'invalid', fault: `no command "${command}"` };
  }
}

function parseFailure(argument = '1'): ParsedCommand {
  const exitCode = /^\d{1,3}$/.test(argument) ? Number(argument) : undefined;
  if (isFailureCode(exitCode)) return { kind: 'request', request: { command: 'fail', exitCode } };
  return { kind: 'invalid', fault: `fail: "${argument}" is not an exit code of a failure: 1 to 255` };
}

function parseHold(argument: string | undefined): ParsedCommand {
  if (argument === undefined) return { kind: 'request', request: { command: 'hold' } };
  const parsed = parseDuration(argument);
  if (parsed.kind === 'invalid') return { kind: 'invalid', fault: `hold: ${parsed.fault}` };
  return { kind: 'request', request: { command: 'hold', durationMs: parsed.ms } };
}

async function ask(
  request: ConvergeRequest,
  { clock, socketPath }: AskingEndOptions,
): Promise<ConvergeReply> {
  const socket = connect(socketPath);
  let errno: string | undefined;
  socket.once('error', (error) => {
    errno = 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  });
  try {
    socket.write(formatLine(request));
    const read = await readLine(socket, clock);
    const reply = read.kind === 'line' ? parseReply(read.line) : undefined;
    return reply ?? { exitCode: 1, text: `converge: ${faultFrom(read, errno)}` };
  } finally {
    socket.destroy();
  }
}

function faultFrom(read: LineRead, errno: string | undefined): string {
  if (errno === 'EACCES' || errno === 'EPERM') {
    return 'only the user that runs the agent may ask it; try without sudo or su';
  }
  if (errno === 'ENOENT' || errno === 'ECONNREFUSED') return 'the agent of this session has ended';
  if (errno !== undefined) return `cannot reach the agent of this session (${errno})`;
  switch (read.kind) {
    case 'timed_out':
      return 'the agent of this session does not answer';
    case 'closed':
      return 'the agent of this session ended before it answered';
    case 'too_long':
    case 'line':
      return 'the answer makes no sense; is the agent of another version?';
  }
}
