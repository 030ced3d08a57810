// A program of a session channel: what the channel needs to know of it, whatever runs it.
import type { ServerChannel } from 'ssh2';
import type { Clock } from '#shared/time/clock.ts';
import type { Platform } from '../../platform/platform.ts';
import type { ProcessExit } from '../channel/process-exit.ts';
import type { TransportGate } from '../channel/transport-gate.ts';
import type { ProgramVariables } from './program-environment.ts';

/** What to run: the shell itself, or a command line that it interprets. */
export interface ProgramOptions {
  readonly channel: ServerChannel;
  readonly gate: TransportGate;
  readonly clock: Clock;
  readonly platform: Platform;
  readonly shell: string;
  /** In the client's own bytes, whatever they mean. */
  readonly command: Buffer | undefined;
  readonly cwd: string;
  readonly env: ProgramVariables;
  readonly onActivity: () => void;
  /** Called at most once: the program has closed its input before the client did. What still comes is thrown away. */
  readonly onInputClosed?: () => void;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** What a program has done so far. */
export interface ProgramAccount {
  /** Bytes of its input, and of its output; of SFTP, of the files that were written and read. */
  readonly received: number;
  readonly sent: number;
  /** Undefined while it runs. */
  readonly exit: ProcessExit | undefined;
}

/** A program in progress. It closes its channel itself, after its last output. */
export interface Program {
  /** False if nothing could be started: no shell, or no terminal. The client has been sent the reason. */
  readonly hasStarted: boolean;
  readonly account: ProgramAccount;
  /** Of the terminal; ignored without one. */
  resize(size: TerminalSize): void;
  /** For its process group; ignored when it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** Shows text to the person at the terminal; never mixed into the output of a program without one. */
  notify(text: string): void;
  /** Nobody reads stdout at the client's end: a program that goes on writing gets SIGPIPE. Ignored on a terminal. */
  readerLeft(): void;
  /**
   * Ends it from this side: SIGHUP, then the channel closes after what was already said, and after the farewell on
   * a terminal. May be called twice.
   */
  close(farewell: string): void;
  /** The channel is gone: the program's descriptors close, and nothing more is sent. May be called twice. */
  hangUp(): void;
}
