// The command of `agent run`: it runs as it would without the agent, and its signals are its own.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { faultText } from '#shared/text/fault-text.ts';

/** What a shell says of a command that there is not, and of one that may not run. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
/** Added to the number of the signal that a command died of, as a shell does. */
export const SIGNAL_BASE = 128;

/** What a job that is cancelled, or a terminal, sends. */
export const JOB_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGBREAK'] as const;
export type JobSignal = (typeof JOB_SIGNALS)[number];

export interface JobCommandOptions {
  readonly words: readonly [string, ...string[]];
  readonly cwd: string;
  /**
   * A terminal gives its signals to all that runs in its foreground, this process and the command. Without one the command gets a
   * group of its own, and each signal once.
   */
  readonly hasTerminal: boolean;
  /** Listens to a signal of this process; returns how to stop that. */
  readonly listen: (signal: JobSignal, listener: () => void) => () => void;
}

export interface JobCommandEnd {
  /** As a shell has it in `$?`. */
  readonly code: number;
  /** Why it did not start. */
  readonly fault?: string;
  /** Somebody told it to end: nobody wants the job any more. */
  readonly isCancelled: boolean;
}

/**
 * Runs it with this process' environment, standard input, output and error, and no other file (Node hands on no others: a `make`
 * below another one is not told of its job server); resolves when it has ended. Never throws.
 */
export function runJobCommand({
  words,
  cwd,
  hasTerminal,
  listen,
}: JobCommandOptions): Promise<JobCommandEnd> {
  const [file, ...args] = words;
  const hasOwnGroup = !hasTerminal && process.platform !== 'win32';
  const { promise, resolve } = Promise.withResolvers<JobCommandEnd>();
  let isCancelled = false;
  let pass: (signal: JobSignal) => void = () => {};
  const stops = JOB_SIGNALS.map((signal) =>
    listen(signal, () => {
      isCancelled = true;
      pass(signal);
    }),
  );
  const end = (outcome: Omit<JobCommandEnd, 'isCancelled'>): void => {
    for (const stop of stops) stop();
    resolve({ ...outcome, isCancelled });
  };
  try {
    const child = spawn(file, args, { cwd, stdio: 'inherit', detached: hasOwnGroup });
    const { pid } = child;
    if (pid !== undefined) pass = (signal) => passOn(signal, pid, hasOwnGroup, hasTerminal);
    child.once('error', (error) => end(notStarted(file, error)));
    child.once('exit', (code, signal) => {
      end({ code: signal === null ? (code ?? NOT_FOUND) : SIGNAL_BASE + constants.signals[signal] });
    });
  } catch (error) {
    end(notStarted(file, error));
  }
  return promise;
}

function passOn(signal: JobSignal, pid: number, hasOwnGroup: boolean, hasTerminal: boolean): void {
  // SIGTERM is no signal of a terminal.
  if (hasTerminal && signal !== 'SIGTERM') return;
  try {
    process.kill(hasOwnGroup ? -pid : pid, signal);
  } catch {
    // ESRCH: it has just ended.
  }
}

function notStarted(file: string, error: unknown): Omit<JobCommandEnd, 'isCancelled'> {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return { code: NOT_FOUND, fault: `${file}: not found` };
  const wayOut = process.platform === 'win32' ? `; a script runs by its interpreter: -- cmd /c ${file}` : '';
  return { code: NOT_EXECUTABLE, fault: `${file}: cannot run it: ${faultText(error)}${wayOut}` };
}
