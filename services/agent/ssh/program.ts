// A program of a session: what the session needs to know of it, whatever runs it.
import type { ServerChannel } from 'ssh2';
import type { Clock } from '#shared/clock.ts';
import type { TransportGate } from './transport-gate.ts';

/** What to run: the shell itself, or a command line that it interprets. */
export interface ProgramOptions {
  readonly channel: ServerChannel;
  readonly gate: TransportGate;
  readonly clock: Clock;
  readonly shell: string;
  readonly command: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** It runs: called once, and not at all when there is no such shell, no terminal or no process to be had. */
  readonly onStarted: () => void;
  readonly onActivity: () => void;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A program in progress. It closes its channel itself, after its last output. */
export interface Program {
  /** Of the terminal; ignored without one. */
  resize(size: TerminalSize): void;
  /** For its process group; ignored when it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** Shows text to the person at the terminal; never mixed into the output of a program without one. */
  notify(text: string): void;
  /** Ends the session from this side: SIGHUP, then the channel closes after what was already said. May be called twice. */
  close(): void;
  /** The channel is gone: SIGHUP, and nothing more is sent. May be called twice. */
  hangUp(): void;
}
