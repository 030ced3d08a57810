// The device behind a Pty: how a terminal is opened and sized, and how a program gets it, which Linux and macOS do differently.
import type { ProcessEnd } from '../platform/process-end.ts';
import type { ProgramLaunch } from '../platform/programs.ts';
import type { TerminalMode } from '../platform/terminal-mode.ts';

/** A terminal that is open, and the descriptors of it that this process has. */
export interface TerminalDevice {
  /** Its path. */
  readonly name: string;
  /** The side that people are on, which does not block. */
  readonly master: number;
  /** What a reader reads from, and closes at its end: the master once more, or the master. */
  readonly reader: number;
  /** Whether this process has the program's side too. Then it is no program that has let go of it where the reader ends. */
  readonly isHeldOpen: boolean;
  /**
   * Starts a program as the leader of a session that has this as its terminal, and of a process group. `onEnd` is called once, in
   * a later turn. Returns its pid. To be called once. Throws an Error whose message is the system's reason; then nothing has run.
   */
  start(launch: ProgramLaunch, onEnd: (end: ProcessEnd) => void): number;
  resize(columns: number, rows: number): void;
  /** Closes what is still open when the reader is closed. To be called once. */
  close(): void;
}

/** Opens one, set as `modes` say over the kernel's defaults and a line of UTF-8. Throws an Error whose message is the reason. */
export type OpenDevice = (columns: number, rows: number, modes: readonly TerminalMode[]) => TerminalDevice;
