// Programs as the platform starts them: on three pipes, or on a terminal of their own.
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '#shared/time/clock.ts';
import type { ProcessEnd } from './process-end.ts';
import type { TerminalMode } from './terminal-mode.ts';

/** Text is UTF-8. No zeros: the system ends a value there. */
export type Bytes = string | Buffer;

/** The whole environment of a program. */
export type Variables = ReadonlyMap<string, Bytes>;

export interface ProgramLaunch {
  /** A path; PATH is not looked at. */
  readonly file: string;
  /** With the name of the program, which is the first. As `Shells` gives them: Windows has one line, with a space between these. */
  readonly argv: readonly Bytes[];
  readonly env: Variables;
  readonly cwd: string;
}

/** A program between three pipes. */
export interface PipedProcess {
  readonly pid: number;
  /** Only these ends do not block; the program has ordinary ones. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** For the program and what it has started. Nothing happens when nobody is there, or the system has no such signal. */
  signal(signal: NodeJS.Signals): void;
  /** Asks all of it to end, as a terminal that goes does. Where nothing can be asked for, it is ended. */
  end(): void;
  /** Nobody reads or writes any more: the pipes close. Where a program does not notice that, all of it is ended. */
  abandon(): void;
}

/** Who receives from a terminal; called from the first turn after it was opened. */
export interface TerminalSink {
  /** Output in order. The receiver owns the chunk. */
  data(chunk: Buffer): void;
  /** A `write` that returned false has been taken: go on writing. */
  drained(): void;
}

export interface TerminalLaunch extends Omit<ProgramLaunch, 'env'> {
  /** The whole environment, TERM included, for a terminal of this name. */
  readonly env: (terminal: string) => Variables;
  readonly columns: number;
  readonly rows: number;
  /** Set before the program starts; ignored where terminals have none. */
  readonly modes?: readonly TerminalMode[];
  readonly clock?: Clock;
}

/** One program on one terminal, until it exits or is hung up. */
export interface TerminalProcess {
  readonly pid: number;
  /** Resolves after the program ended and all of its output was given to the sink. Never rejects. */
  readonly exited: Promise<ProcessEnd>;
  /** Takes input. False: stop until the sink's `drained`. Ignored when the terminal is gone. */
  write(chunk: Buffer): boolean;
  /** Stops output (one chunk may still come). May be called twice. */
  pause(): void;
  /** Lets output flow again. May be called twice. */
  resume(): void;
  /** Sets the new size of the terminal, which its programs are told. */
  resize(columns: number, rows: number): void;
  /** For the program and what it has started. Nothing happens when it is gone, or the system has no such signal. */
  kill(signal: NodeJS.Signals): void;
  /** The person is gone: the terminal closes, and its programs are told or ended. May be called twice. */
  hangUp(): void;
}

/** There is no terminal to be had, or the program did not start. Nothing has run. */
export class TerminalError extends Error {
  readonly code: 'no_terminal' | 'not_started';
  override readonly name = 'TerminalError';

  constructor(code: TerminalError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** A program that outlives this process. */
export interface DetachedProcess {
  readonly pid: number;
  /** What it writes to its standard output, until either end is gone. */
  readonly output: Readable;
  /** Nothing happens when it is gone. Windows knows no signals: there it is ended. */
  kill(signal: NodeJS.Signals): void;
}

export interface DetachedLaunch extends ProgramLaunch {
  /** The descriptor of a file, for its standard error; it stays open here. */
  readonly errors: number;
}

/** How a platform starts programs. */
export interface Programs {
  /**
   * Starts a program with a pipe for each of its three descriptors. `onEnd` is called once, in a later turn.
   * Throws an Error whose message is the system's reason alone, when there is nothing to start or no room for it.
   */
  startPiped(start: ProgramLaunch, onEnd: (end: ProcessEnd) => void): PipedProcess;
  /**
   * Starts a program that is to live on when this process, its terminal and its group are gone. It reads nothing, and holds none of
   * the files that are open here. Fails as `startPiped`.
   */
  startDetached(start: DetachedLaunch, onEnd: (end: ProcessEnd) => void): DetachedProcess;
  /** Starts a program on a new terminal. @throws TerminalError */
  openTerminal(start: TerminalLaunch, sink: TerminalSink): TerminalProcess;
  /** For `argv`: these words for a program that is no shell; the first is its name. */
  argumentsFrom(words: readonly string[]): readonly Bytes[];
  /** The file of a program by its name, as a shell finds it by this PATH; the working directory is left out. */
  find(name: string, path: string): string | undefined;
  /** Resolves when all that was to be ended has been, or takes too long; at once where the system sees to that by itself. */
  settled(): Promise<void>;
}
