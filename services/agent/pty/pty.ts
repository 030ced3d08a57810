// The pty: a program on its own terminal, as bytes both ways.
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { ReadStream } from 'node:tty';
import { type Cancel, type Clock, systemClock } from '#shared/clock.ts';
import { loadNativeAddon } from '#shared/native-addon.ts';
import { PtyWriter } from './pty-writer.ts';

/** After the exit, output that stays away this long is all there was (somebody else holds the terminal open). */
const DRAIN_QUIET_MS = 100;
/** After the exit at most this much is waited for: more than a pty holds in the kernel (8 KiB and a 4 KiB line). */
const DRAIN_MAX_BYTES = 64 * 1024;

export interface PtyOptions {
  /** The program's path; found on PATH when it has no slash. */
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment, TERM included. */
  readonly env: Readonly<Record<string, string>>;
  /** Must exist: the child exits with 1 otherwise. */
  readonly cwd: string;
  readonly columns: number;
  readonly rows: number;
  readonly clock?: Clock;
}

/** Who receives from a pty; called from the first turn after `openPty`. */
export interface PtySink {
  /** Output in order. The receiver owns the chunk. */
  data(chunk: Buffer): void;
  /** A `write` that returned false has been taken: go on writing. */
  drained(): void;
}

export type PtyExit = { readonly kind: 'code'; code: number } | { readonly kind: 'signal'; signal: string };

/** The program could not be put on a terminal; `cause` tells why. */
export class PtyError extends Error {
  readonly code = 'pty_not_opened';
  override readonly name = 'PtyError';
}

/** node-pty 1.1, src/unix/pty.cc: the two calls used here. */
interface PtyAddon {
  fork(
    file: string,
    args: readonly string[],
    env: readonly string[],
    cwd: string,
    columns: number,
    rows: number,
    uid: number,
    gid: number,
    utf8: boolean,
    helperPath: string,
    onExit: (code: number, signal: number) => void,
  ): { fd: number; pid: number; pty: string };
  resize(fd: number, columns: number, rows: number): void;
}

type State =
  | { readonly kind: 'running' }
  /** The program closed its terminal and lives on. */
  | { readonly kind: 'silent' }
  /** The program ended; what it wrote before is being read. */
  | { readonly kind: 'draining'; exit: PtyExit; bytes: number; cancelQuiet: Cancel | undefined }
  /** Hung up before the program ended. */
  | { readonly kind: 'hung_up' }
  | { readonly kind: 'closed' };

/**
 * Starts a program as the leader of a new session with a new controlling terminal.
 * Throws PtyError when there is no pty to be had. A program that cannot be executed exits with 1.
 */
export function openPty(options: PtyOptions, sink: PtySink): Pty {
  return new Pty(options, sink);
}

/** One program on one terminal, until it exits or is hung up. */
export class Pty {
  readonly pid: number;
  /** Resolves after the program ended and all of its output was given to the sink. Never rejects. */
  readonly exited: Promise<PtyExit>;
  readonly #addon: PtyAddon;
  readonly #clock: Clock;
  readonly #sink: PtySink;
  readonly #fd: number;
  readonly #reader: ReadStream;
  readonly #writer: PtyWriter;
  readonly #resolveExited: (exit: PtyExit) => void;
  #state: State = { kind: 'running' };
  #paused = false;

  constructor(options: PtyOptions, sink: PtySink) {
    const { promise, resolve } = Promise.withResolvers<PtyExit>();
    this.exited = promise;
    this.#resolveExited = resolve;
    this.#clock = options.clock ?? systemClock;
    this.#sink = sink;
    this.#addon = loadNativeAddon('pty') as PtyAddon;
    const child = this.#fork(options);
    this.pid = child.pid;
    this.#fd = child.fd;
    this.#writer = new PtyWriter(child.fd, this.#clock, () => {
      sink.drained();
    });
    this.#reader = new ReadStream(child.fd);
    this.#reader.on('data', (chunk: Buffer) => {
      this.#received(chunk);
    });
    // On Linux the end of a pty is EIO; other errors end it as well, there is nothing to go on with.
    this.#reader.on('error', () => {
      this.#outputEnded();
    });
    this.#reader.on('end', () => {
      this.#outputEnded();
    });
  }

  /** Takes input. False: stop until the sink's `drained`. Ignored when the terminal is gone. */
  write(chunk: Buffer): boolean {
    return this.#writer.write(chunk);
  }

  /** Stops output (one chunk may still come). May be called twice. */
  pause(): void {
    this.#paused = true;
    this.#reader.pause();
    if (this.#state.kind === 'draining') this.#state.cancelQuiet?.();
  }

  /** Lets output flow again. May be called twice. */
  resume(): void {
    this.#paused = false;
    this.#reader.resume();
    if (this.#state.kind === 'draining') this.#awaitQuiet(this.#state);
  }

  /** Tells the terminal its new size; the foreground program gets SIGWINCH. */
  resize(columns: number, rows: number): void {
    if (this.#state.kind === 'running') this.#addon.resize(this.#fd, columns, rows);
  }

  /** Signals the program's process group, as sshd does. Nothing happens when it is gone. */
  kill(signal: NodeJS.Signals): void {
    if (this.#state.kind === 'running' || this.#state.kind === 'silent') signalGroup(this.pid, signal);
  }

  /**
   * The person is gone: SIGHUP to the program and to what runs in the foreground, and the terminal closes.
   * The kernel would do that by itself if our descriptor were the last one, but node-pty's is not close-on-exec, so
   * shells that were started later hold it as well. May be called twice.
   */
  hangUp(): void {
    const state = this.#state;
    if (state.kind === 'closed' || state.kind === 'hung_up') return;
    if (state.kind === 'draining') {
      this.#close(state.exit);
      return;
    }
    this.#state = { kind: 'hung_up' };
    for (const group of new Set([foregroundGroup(this.pid), this.pid])) {
      if (group === undefined) continue;
      signalGroup(group, 'SIGHUP');
      signalGroup(group, 'SIGCONT'); // a stopped program must run to notice
    }
    this.#release();
  }

  #fork(options: PtyOptions): { fd: number; pid: number } {
    const env = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
    const { file, args, cwd, columns, rows } = options;
    const onExit = (code: number, signal: number): void => {
      this.#programEnded(signal === 0 ? { kind: 'code', code } : { kind: 'signal', signal: nameOf(signal) });
    };
    try {
      // -1, -1: keep the user. true: a UTF-8 line, so that erase removes whole characters. '': the helper is for macOS.
      return this.#addon.fork(file, args, env, cwd, columns, rows, -1, -1, true, '', onExit);
    } catch (cause) {
      throw new PtyError(`cannot open a terminal for ${file}`, { cause });
    }
  }

  #received(chunk: Buffer): void {
    const state = this.#state;
    if (state.kind === 'closed' || state.kind === 'hung_up') return;
    this.#sink.data(chunk);
    if (state.kind !== 'draining') return;
    state.bytes += chunk.length;
    if (state.bytes > DRAIN_MAX_BYTES) this.#close(state.exit);
    else this.#awaitQuiet(state);
  }

  #outputEnded(): void {
    const state = this.#state;
    switch (state.kind) {
      case 'running':
        this.#state = { kind: 'silent' };
        this.#release();
        return;
      case 'draining':
        this.#close(state.exit);
        return;
      case 'silent':
      case 'hung_up':
      case 'closed':
    }
  }

  #programEnded(exit: PtyExit): void {
    if (this.#state.kind !== 'running') {
      this.#close(exit);
      return;
    }
    const draining = { kind: 'draining', exit, bytes: 0, cancelQuiet: undefined } as const;
    this.#state = { ...draining };
    this.#awaitQuiet(this.#state);
  }

  #awaitQuiet(state: State & { kind: 'draining' }): void {
    state.cancelQuiet?.();
    if (this.#paused) return;
    state.cancelQuiet = this.#clock.after(DRAIN_QUIET_MS, () => {
      this.#close(state.exit);
    });
  }

  #close(exit: PtyExit): void {
    if (this.#state.kind === 'draining') this.#state.cancelQuiet?.();
    this.#state = { kind: 'closed' };
    this.#release();
    this.#resolveExited(exit);
  }

  #release(): void {
    this.#writer.close();
    this.#reader.destroy();
  }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  // A child that was forked a moment ago does not lead its group yet: then signal it alone.
  for (const target of [-group, group]) {
    try {
      process.kill(target, signal);
      return;
    } catch {
      // ESRCH: nobody there, which is what was wanted.
    }
  }
}

/** The process group that has the terminal's foreground: field 8 (tpgid) of proc(5) stat. */
function foregroundGroup(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const group = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[5]);
    return group > 1 ? group : undefined;
  } catch {
    return undefined;
  }
}

function nameOf(signal: number): string {
  for (const [name, number] of Object.entries(constants.signals)) if (number === signal) return name;
  return `SIG${signal}`;
}
