// The pty: a program on its own terminal, as bytes both ways.
import { closeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { type Cancel, type Clock, systemClock } from '#shared/time/clock.ts';
import { LastOutput } from '../platform/last-output.ts';
import type { ProcessEnd } from '../platform/process-end.ts';
import {
  type Foreground,
  TerminalError,
  type TerminalLaunch,
  type TerminalProcess,
  type TerminalSink,
} from '../platform/programs.ts';
import { NO_MODES } from '../platform/terminal-mode.ts';
import { signalGroup } from '../process/spawn.ts';
import { foregroundOf } from './foreground.ts';
import { PtyWriter } from './pty-writer.ts';
import type { OpenDevice, TerminalDevice } from './terminal-device.ts';

/** In milliseconds. If no output comes for this long after the exit, there is none left: others hold the terminal open. */
const DRAIN_QUIET_MS = 100;
/** At most this much output is read after the exit: more than a pty holds in the kernel (8 KiB and a 4 KiB line). */
const MAX_DRAIN_BYTES = 64 * 1024;
/**
 * In milliseconds. A program that has not ended this long after the hang-up may not have had the terminal for its own yet. Not at
 * once: bash ends at a second SIGHUP, with no word to its jobs.
 */
const HANG_UP_AGAIN_AFTER_MS = 2_000;

type State =
  | { readonly kind: 'running' }
  /** The program closed its terminal and lives on. */
  | { readonly kind: 'silent' }
  /** The program ended; what it wrote before is being read. */
  | { readonly kind: 'draining'; readonly end: ProcessEnd; readonly last: LastOutput }
  /** Hung up before the program ended. */
  | { readonly kind: 'hung_up'; readonly cancelAgain: Cancel | undefined }
  | { readonly kind: 'closed' };

/**
 * Starts a program as the leader of a new session with a new controlling terminal, whose name is the path of its device. What
 * is set on it is set over the kernel's defaults and a line of UTF-8.
 * @throws TerminalError
 */
export function openPty(open: OpenDevice, options: TerminalLaunch, sink: TerminalSink): Pty {
  return new Pty(open, options, sink);
}

/** One program on one terminal, until it exits or is hung up. */
export class Pty implements TerminalProcess {
  readonly pid: number;
  /** Resolves after the program ended and all of its output was given to the sink. Never rejects. */
  readonly exited: Promise<ProcessEnd>;
  readonly #clock: Clock;
  readonly #sink: TerminalSink;
  readonly #device: TerminalDevice;
  readonly #reader: ReadStream;
  readonly #writer: PtyWriter;
  readonly #resolveExited: (end: ProcessEnd) => void;
  #state: State = { kind: 'running' };
  #isPaused = false;

  constructor(open: OpenDevice, options: TerminalLaunch, sink: TerminalSink) {
    const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
    this.exited = promise;
    this.#resolveExited = resolve;
    this.#clock = options.clock ?? systemClock;
    this.#sink = sink;
    this.#device = openDevice(open, options);
    this.pid = this.#start(options);
    this.#writer = new PtyWriter(this.#device.master, this.#clock, () => {
      sink.drained();
    });
    // It closes its descriptor when it fails, as it does when the program closes its side.
    this.#reader = new ReadStream(this.#device.reader);
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
    this.#isPaused = true;
    this.#reader.pause();
    if (this.#state.kind === 'draining') this.#state.last.stop();
  }

  /** Lets output flow again. May be called twice. */
  resume(): void {
    this.#isPaused = false;
    this.#reader.resume();
    if (this.#state.kind === 'draining') this.#state.last.resume();
  }

  /** Sets the new size of the terminal; the foreground program gets SIGWINCH. */
  resize(columns: number, rows: number): void {
    if (this.#isOpen()) this.#device.resize(columns, rows);
  }

  /** Signals the program's process group, as sshd does. Nothing happens when it is gone. */
  kill(signal: NodeJS.Signals): void {
    if (this.#isOpen()) signalGroup(this.pid, signal);
  }

  foreground(): Foreground | undefined {
    return foregroundOf(this.pid);
  }

  /**
   * The person is gone: the terminal closes. Nobody else holds it, so the kernel sends SIGHUP to the program, and to whatever
   * runs in the foreground when the program ends. Nobody waits for either. May be called twice.
   */
  hangUp(): void {
    const state = this.#state;
    if (state.kind === 'closed' || state.kind === 'hung_up') return;
    if (state.kind === 'draining') {
      this.#close(state.end);
      return;
    }
    const again = () => signalGroup(this.pid, 'SIGHUP');
    const cancelAgain = this.#device.isHeldOpen
      ? this.#clock.after(HANG_UP_AGAIN_AFTER_MS, again)
      : undefined;
    this.#state = { kind: 'hung_up', cancelAgain };
    this.#release();
  }

  #start({ file, argv, cwd, env }: TerminalLaunch): number {
    const device = this.#device;
    try {
      return device.start({ file, argv, cwd, env: env(device.name) }, (end) => {
        this.#programEnded(end);
      });
    } catch (cause) {
      closeSync(device.reader);
      device.close();
      throw new TerminalError('not_started', `cannot run ${file}: ${(cause as Error).message}`, cause);
    }
  }

  /** Whether the program runs, and the terminal is there. */
  #isOpen(): boolean {
    return this.#state.kind === 'running' || this.#state.kind === 'silent';
  }

  #received(chunk: Buffer): void {
    const state = this.#state;
    if (state.kind === 'closed' || state.kind === 'hung_up') return;
    this.#sink.data(chunk);
    if (state.kind === 'draining') state.last.received(chunk.length);
  }

  #outputEnded(): void {
    const state = this.#state;
    switch (state.kind) {
      case 'running':
        if (this.#device.isHeldOpen) {
          this.#state = { kind: 'hung_up', cancelAgain: undefined };
          this.#release();
          return;
        }
        this.#state = { kind: 'silent' };
        this.#reader.destroy();
        return;
      case 'draining':
        this.#close(state.end);
        return;
      case 'silent':
      case 'hung_up':
      case 'closed':
    }
  }

  #programEnded(end: ProcessEnd): void {
    if (this.#state.kind !== 'running') {
      this.#close(end);
      return;
    }
    const last = new LastOutput({
      clock: this.#clock,
      quietMs: DRAIN_QUIET_MS,
      maxBytes: MAX_DRAIN_BYTES,
      over: () => {
        this.#close(end);
      },
    });
    this.#state = { kind: 'draining', end, last };
    if (!this.#isPaused) last.resume();
  }

  #close(end: ProcessEnd): void {
    const state = this.#state;
    if (state.kind === 'draining') state.last.stop();
    this.#state = { kind: 'closed' };
    if (state.kind === 'hung_up') state.cancelAgain?.();
    else this.#release();
    this.#resolveExited(end);
  }

  #release(): void {
    this.#writer.close();
    this.#reader.destroy();
    this.#device.close();
  }
}

function openDevice(
  open: OpenDevice,
  { file, columns, rows, modes = NO_MODES }: TerminalLaunch,
): TerminalDevice {
  try {
    return open(columns, rows, modes);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new TerminalError('no_terminal', `cannot open a terminal for ${file}: ${reason}`, cause);
  }
}
