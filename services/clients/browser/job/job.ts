// The job: everything that a page needs of it, over one SSH connection that outlives relays. The seam between page and protocol.
//
// Nothing here knows of a document, of storage or of Node: the page passes what is needed, and shows what it is told.
// What comes from the job or from a relay is `Untrusted` where it is text: the types refuse it where a plain string is
// asked for, and `printable()` makes it fit for `textContent`.
import type { ProgramEnd } from '../ssh/channels/channel-piece.ts';
import type { WindowSize } from '../ssh/channels/session.ts';
import type { PageFiles } from './job-files.ts';

/** Bytes both ways, at the pace of whoever reads: what is not read is not asked for (at most 2 MiB wait). */
export interface JobChannel {
  /** Ends when the other end has sent its last byte. Errors if the connection is lost. */
  readonly readable: ReadableStream<Uint8Array>;
  /** `write` resolves when the other end has room for more. Closing it sends an end of file. */
  readonly writable: WritableStream<Uint8Array>;
  /** Ends the channel now, both ways. May be called twice. */
  close(): void;
}

/** A shell on a terminal of the job. Standard error comes on `readable` too, as terminals do it. */
export interface JobTerminal extends JobChannel {
  /** The size of the window has changed. */
  resize(size: WindowSize): void;
  /** Resolves once, after the last byte was read. Never rejects. */
  readonly ended: Promise<ProgramEnd>;
}

/** What a short command said. */
export interface CommandResult {
  readonly end: ProgramEnd;
  /** At most MAX_COMMAND_OUTPUT_BYTES of each: what comes after is read and thrown away. */
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

export interface Job {
  /** As the host names it: `SHA256:…`. */
  readonly hostKey: string;
  /** A shell on a terminal. `term` is `xterm-256color` by default. Rejects with a JobFault if there is none. */
  openTerminal(size: WindowSize, term?: string): Promise<JobTerminal>;
  /** Runs a command without a terminal, for `converge hold 1h` and the like. Rejects with a JobFault. */
  run(command: string): Promise<CommandResult>;
  /** The files of the job. Every call opens a channel of its own. Rejects with a JobFault. */
  openFiles(): Promise<PageFiles>;
  /** A TCP connection from the job to `host:port`. Rejects with a JobFault if the job cannot have it. */
  openPort(host: string, port: number): Promise<JobChannel>;
  /**
   * The network may have changed, or the page was asleep (`online`, `visibilitychange`): asks the job at once whether it is
   * there, and dials again if it does not answer in PROBE_WITHIN_MS.
   */
  probe(): void;
  /** Ends all of it, and the session at the agent. May be called twice. */
  close(): void;
}
