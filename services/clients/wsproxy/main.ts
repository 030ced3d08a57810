// wsproxy, the process: arguments in, signals in, exit code out.
import { appendFileSync } from 'node:fs';
import { claimOwnProgram } from '#shared/machine/own-program.ts';
import { printableLine } from '#shared/text/printable.ts';
import { systemClock } from '#shared/time/clock.ts';
import { type Report, reportAs, reportFault, runProgram } from '../command-line/client-process.ts';
import { type ConnectionEvent, eventLine } from '../command-line/connection-event.ts';
import { CLIENT_EXIT_CODES, type ClientExitCode } from '../command-line/exit-code.ts';
import type { Notify } from '../connection/notice.ts';
import { askpassAnswer } from '../exec/askpass.ts';
import type { ExecRequest } from '../exec/exec-request.ts';
import { parseWsproxyCommand, type WsproxyRun } from './cli.ts';

/** A visit that has ended leaves nothing behind that keeps the process; if something does, it goes after this time. */
const EXIT_WITHIN_MS = 10_000;

claimOwnProgram('wsproxy');
const report = reportAs('wsproxy');

/**
 * What runs is imported when it is known what that is: TLS, HTTP and cryptography take as long to load as Node itself, and a tool
 * needs none of it. The build has V8 compile all of them (deploy/build/code-cache.ts).
 */
export const WSPROXY_PARTS = {
  wsproxy: () => import('./wsproxy.ts'),
  pipeSize: () => import('./pipe-size.ts'),
  workFlags: () => import('#shared/machine/work-flags.ts'),
  tool: () => import('../tools/run-tool.ts'),
  exec: () => import('../exec/run-exec.ts'),
} as const;

/** What happens to a connection, told to a person or to a program. */
interface Telling {
  readonly report: Notify;
  readonly tell: (event: ConnectionEvent) => void;
}

/** Lines for a person, unless a program wants to know. */
function tellingFor(events: WsproxyRun['events']): Telling {
  if (events === undefined) return { report, tell: () => undefined };
  const write =
    events.kind === 'file'
      ? (line: string) => appendTo(events.file, line)
      : (line: string) => process.stderr.write(line);
  const tell = (event: ConnectionEvent): void => {
    write(eventLine(event, systemClock.wallTime()));
  };
  return { tell, report: (line, event = 'note') => tell({ event, message: printableLine(line) }) };
}

/** Whoever wants to know may have gone, with the file: no reason to fail. */
function appendTo(file: string, line: string): void {
  try {
    appendFileSync(file, line);
  } catch {
    // Nobody reads it.
  }
}

async function run({ destination, identity, events }: WsproxyRun): Promise<ClientExitCode> {
  const { report: told, tell } = tellingFor(events);
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
  const [{ runWsproxy }, { widenPipe }, { takeWorkFlags }] = await Promise.all([
    WSPROXY_PARTS.wsproxy(),
    WSPROXY_PARTS.pipeSize(),
    WSPROXY_PARTS.workFlags(),
  ]);
  const { stdin: input, stdout: output } = process;
  const { id, url } = destination.target;
  const onConnected = (): void => {
    widenPipe(output.fd);
    takeWorkFlags();
    tell({ event: 'connected', id, relay: url.host });
  };
  const streams = { input, output, onConnected, clock: systemClock, report: told, signal: stop.signal };
  const code = await runWsproxy({ destination, identity, ...streams });
  tell({ event: 'closed', exitCode: code });
  clearInterval(alive);
  return code;
}

// Node's answer to it would be a debugger (runtime-flags.ts).
process.on('SIGUSR1', () => undefined);

async function runExecRequest(request: ExecRequest): Promise<number> {
  // As above: while nothing else runs, this keeps the process.
  const alive = setInterval(() => undefined, 60_000);
  const { runExec } = await WSPROXY_PARTS.exec();
  const code = await runExec(request, {
    env: process.env,
    clock: systemClock,
    report,
    print: (text) => process.stdout.write(text),
    onSignal(callback) {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, callback);
    },
  });
  clearInterval(alive);
  return code;
}

/** As ssh asks it: one line on standard output, or none. */
function answerSsh(answer: NonNullable<ReturnType<typeof askpassAnswer>>): number {
  if (answer.kind === 'refused') return CLIENT_EXIT_CODES.fault;
  process.stdout.write(`${answer.text}\n`);
  return CLIENT_EXIT_CODES.ended;
}

async function runCommand(): Promise<number> {
  const args = process.argv.slice(2);
  const asked = askpassAnswer(args, process.env);
  if (asked !== undefined) return answerSsh(asked);
  const command = parseWsproxyCommand(args, process.env);
  switch (command.kind) {
    // A tool inherits the outputs as they are: nothing here may touch them before, Node would make pipes of them non-blocking.
    case 'tool': {
      const { runTool } = await WSPROXY_PARTS.tool();
      return runTool(command.words, process.env, report, command.isJson ? tellEnd : undefined);
    }
    case 'exec':
      return runExecRequest(command);
    default:
      return runProgram(command, silently(report), run);
  }
}

function tellEnd(exitCode: number): void {
  process.stderr.write(eventLine({ event: 'ended', exitCode }, systemClock.wallTime()));
}

const ended = runCommand();

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
