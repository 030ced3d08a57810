// What clients ask the SSH server for: programs, forwards and files, never what goes through them.
import type { ProcessExit } from './channel/process-exit.ts';
import type { ForwardAsk } from './forward/forward-context.ts';

/** A shell, a command or SFTP was asked for; whether it could be started shows at its end. */
export interface ProgramStarted {
  readonly clientId: string;
  /** The session channels of a connection are counted from 1. */
  readonly channel: number;
  readonly what: 'shell' | 'command' | 'sftp';
  /** The whole command line, in the client's own bytes: whoever tells of it picks what may be told. */
  readonly command: Buffer | undefined;
  readonly terminal: boolean;
  /** The certificate says what runs, whatever was asked for. */
  readonly isForced: boolean;
}

/** Its channel is closed. */
export interface ProgramEnded {
  readonly clientId: string;
  readonly channel: number;
  /** Undefined: the client went first. */
  readonly exit: ProcessExit | undefined;
  readonly seconds: number;
  /** Bytes of its input and its output; of SFTP, of the files that were written and read. */
  readonly received: number;
  readonly sent: number;
}

export interface ForwardAsked extends ForwardAsk {
  readonly clientId: string;
  readonly isAllowed: boolean;
}

export interface FileAsked {
  readonly clientId: string;
  readonly channel: number;
  /** `open`, `list`, `remove`, … */
  readonly request: string;
  /** Of two paths: `FROM -> TO`. */
  readonly path: string;
}

/** All are called synchronously and must not throw. */
export interface AskedEvents {
  started(event: ProgramStarted): void;
  ended(event: ProgramEnded): void;
  forward(event: ForwardAsked): void;
  /** Left out where nobody wants to know. */
  readonly file?: (event: FileAsked) => void;
}
