// The session's end of the `converge` command: reads the arguments, asks the agent, prints the answer.
import { connect } from 'node:net';
import { printableJson, printableLine } from '#shared/text/printable.ts';
import { wrapWords } from '#shared/text/wrap.ts';
import type { Clock } from '#shared/time/clock.ts';
import { parseDuration } from '#shared/time/duration.ts';
import { CONVERGE_COMMANDS } from './commands.ts';
import { COMPLETED_SHELLS, type CompletedShell, completionScript } from './completion.ts';
import { type LineRead, readLine } from './line-reader.ts';
import {
  type ConvergeReply,
  type ConvergeRequest,
  formatLine,
  isFailureCode,
  MAX_REPLY_BYTES,
  parseReply,
} from './request.ts';

/** Of the help, in columns. */
const HELP_WIDTH = 80;

function usageOf(system: NodeJS.Platform): string {
  const heads = CONVERGE_COMMANDS.map(({ name, takes }) => `  ${name} ${takes}`);
  const column = Math.max(...heads.map(({ length }) => length)) + 2;
  const lines = CONVERGE_COMMANDS.flatMap(({ help }, row) =>
    wrapWords(help(system), HELP_WIDTH - column).map(
      (line, index) => `${(index === 0 ? (heads[row] ?? '') : '').padEnd(column)}${line}`,
    ),
  );
  return ['usage: converge COMMAND', '', ...lines, ''].join('\n');
}

/** For somebody who has a word wrong: how that one is written, and where the others are. */
function usageOfOne(name: string | undefined): string {
  const command = CONVERGE_COMMANDS.find((each) => each.name === name);
  const words = command === undefined ? 'COMMAND' : `${command.name} ${command.takes}`.trim();
  return `usage: converge ${words}\n\nconverge help has all commands.\n`;
}

/** Exit code of a command line that is not understood. */
const BAD_USAGE = 2;

type ParsedCommand =
  | { readonly kind: 'completion'; readonly shell: CompletedShell }
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
    // All of the help would push the fault out of a terminal of 24 lines.
    const more = argv.length === 0 ? usageOf(process.platform) : usageOfOne(argv[0]);
    options.stderr.write(`converge: ${parsed.fault}\n\n${more}`);
    return BAD_USAGE;
  }
  if (parsed.kind === 'completion') {
    options.stdout.write(completionScript(parsed.shell));
    return 0;
  }
  const reply = await ask(parsed.request, options);
  const output = reply.exitCode === 0 ? options.stdout : options.stderr;
  if (isForProgram(parsed.request) && reply.exitCode === 0) {
    // No line of it is cut: it may be longer than any that people read.
    output.write(`${printableJson(reply.text)}\n`);
    return 0;
  }
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
    case 'completion': {
      const shell = COMPLETED_SHELLS.find((each) => each === argument);
      if (shell !== undefined && excess.length === 0) return { kind: 'completion', shell };
      return { kind: 'invalid', fault: `completion takes one word, ${COMPLETED_SHELLS.join(' or ')}` };
    }
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

function isForProgram(request: ConvergeRequest): boolean {
  return request.command === 'status' && request.form === 'json';
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
    const read = await readLine(socket, clock, MAX_REPLY_BYTES);
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
