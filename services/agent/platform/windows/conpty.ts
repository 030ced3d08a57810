// A terminal of Windows: a program in a pseudo console (ConPTY), as bytes both ways.
//
// node-pty closes no console whose program has ended by itself (node-pty#965), and waits for its last output with the whole
// process where it does. So none is closed by it here: when both pipes are gone the console has nobody to be there for, tells
// its programs to close, and ends; at the latest with the agent.
import { connect, type Socket } from 'node:net';
import { type Clock, systemClock } from '#shared/time/clock.ts';
import { LastOutput } from '../last-output.ts';
import type { ProcessEnd } from '../process-end.ts';
import { TerminalError, type TerminalLaunch, type TerminalProcess, type TerminalSink } from '../programs.ts';
import type { ConptyAddon, OpenedConpty } from './conpty-addon.ts';
import type { EndTree } from './process-tree.ts';
import { asksToEnd, requireFile } from './windows-piped-process.ts';
import { windowsVariables } from './windows-variables.ts';

/** What Win32-OpenSSH calls every terminal. */
const TERMINAL_NAME = 'windows-pty';
/** In milliseconds. The console draws on its own time; if nothing comes for this long after the exit, there is nothing left. */
const SCREEN_QUIET_MS = 250;
/** At most this much output is read after the exit: far more than a screen. Others may write to the console for ever. */
const MAX_LAST_SCREEN_BYTES = 1024 * 1024;
/** Columns or rows: the console has 15 bits for each. */
const MAX_CONSOLE_SIZE = 32_767;
const CTRL_C = Buffer.of(3);

type State =
  | { readonly kind: 'running' }
  /** The program ended; what the console has still to draw is being read. */
  | { readonly kind: 'draining'; readonly end: ProcessEnd; readonly last: LastOutput }
  /** Hung up before the program ended. */
  | { readonly kind: 'hung_up' }
  | { readonly kind: 'closed' };

/** What a terminal is made with. */
export interface ConptyTools {
  readonly addon: ConptyAddon;
  readonly endTree: EndTree;
  /** Of the pipes: what `conin` and `conout` are made of. */
  readonly pipeName: () => string;
}

/** Starts a program in a new console. @throws TerminalError */
export function openConpty(tools: ConptyTools, launch: TerminalLaunch, sink: TerminalSink): TerminalProcess {
  return new Conpty(tools, launch, sink);
}

class Conpty implements TerminalProcess {
  readonly pid: number;
  readonly exited: Promise<ProcessEnd>;
  readonly #tools: ConptyTools;
  readonly #clock: Clock;
  readonly #sink: TerminalSink;
  readonly #number: number;
  readonly #input: Socket;
  readonly #output: Socket;
  readonly #resolveExited: (end: ProcessEnd) => void;
  #state: State = { kind: 'running' };
  #isPaused = false;

  constructor(tools: ConptyTools, launch: TerminalLaunch, sink: TerminalSink) {
    const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
    this.exited = promise;
    this.#resolveExited = resolve;
    this.#tools = tools;
    this.#clock = launch.clock ?? systemClock;
    this.#sink = sink;
    const { pty, conin, conout } = openConsole(tools, launch);
    this.#number = pty;
    // Both are connected when these return: the start of the program waits for that, and nothing else runs meanwhile.
    this.#input = connect(conin);
    this.#output = connect(conout);
    this.#input.on('drain', () => {
      sink.drained();
    });
    this.#input.on('error', () => {}); // the output ends as well
    this.#output.on('data', (chunk: Buffer) => {
      this.#received(chunk);
    });
    this.#output.on('error', () => {}); // 'close' follows
    this.#output.on('close', () => {
      this.#outputEnded();
    });
    this.pid = this.#start(launch);
  }

  write(chunk: Buffer): boolean {
    return this.#state.kind !== 'running' || this.#input.write(chunk);
  }

  pause(): void {
    this.#isPaused = true;
    this.#output.pause();
    if (this.#state.kind === 'draining') this.#state.last.stop();
  }

  resume(): void {
    this.#isPaused = false;
    this.#output.resume();
    if (this.#state.kind === 'draining') this.#state.last.resume();
  }

  resize(columns: number, rows: number): void {
    if (this.#state.kind === 'running') {
      this.#tools.addon.resize(this.#number, sizeFor(columns), sizeFor(rows));
    }
  }

  /** SIGINT is what Ctrl-C does; whatever else asks a program to end, ends it and what it has started. */
  kill(signal: NodeJS.Signals): void {
    if (this.#state.kind !== 'running') return;
    if (signal === 'SIGINT') this.#input.write(CTRL_C);
    else if (asksToEnd(signal)) this.#endTree();
  }

  hangUp(): void {
    const state = this.#state;
    if (state.kind === 'closed' || state.kind === 'hung_up') return;
    if (state.kind === 'draining') {
      this.#close(state.end);
      return;
    }
    this.#endTree();
    this.#state = { kind: 'hung_up' };
    this.#release();
  }

  #start({ file, argv, cwd, env }: TerminalLaunch): number {
    const variables = Object.entries(windowsVariables(env(TERMINAL_NAME)));
    try {
      const { pid } = this.#tools.addon.connect(
        this.#number,
        argv.map(String).join(' '),
        cwd,
        variables.map(([name, value]) => `${name}=${value}`),
        (code) => {
          // Windows has 32 bits without a sign, as SSH has.
          this.#programEnded({ kind: 'code', code: code >>> 0 });
        },
      );
      return pid;
    } catch (cause) {
      this.#state = { kind: 'closed' };
      this.#release();
      throw new TerminalError('not_started', `cannot run ${file}: ${(cause as Error).message}`, cause);
    }
  }

  #endTree(): void {
    const isRunning = (): boolean => this.#state.kind === 'running' || this.#state.kind === 'hung_up';
    this.#tools.endTree({ pid: this.pid, isRunning });
  }

  #received(chunk: Buffer): void {
    const state = this.#state;
    if (state.kind === 'closed' || state.kind === 'hung_up') return;
    this.#sink.data(chunk);
    if (state.kind === 'draining') state.last.received(chunk.length);
  }

  /** The console is gone. That may be known before the end of its program is, which it has told to close. */
  #outputEnded(): void {
    if (this.#state.kind === 'draining') this.#close(this.#state.end);
  }

  #programEnded(end: ProcessEnd): void {
    if (this.#state.kind !== 'running' || this.#output.closed) {
      this.#close(end);
      return;
    }
    const last = new LastOutput({
      clock: this.#clock,
      quietMs: SCREEN_QUIET_MS,
      maxBytes: MAX_LAST_SCREEN_BYTES,
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
    this.#release();
    this.#resolveExited(end);
  }

  /** May be called twice. */
  #release(): void {
    this.#input.destroy();
    this.#output.destroy();
  }
}

function openConsole(
  { addon, pipeName }: ConptyTools,
  { file, columns, rows }: TerminalLaunch,
): OpenedConpty {
  try {
    requireFile(file);
  } catch (cause) {
    throw new TerminalError('not_started', `cannot run ${file}: ${(cause as Error).message}`, cause);
  }
  try {
    return addon.startProcess(file, sizeFor(columns), sizeFor(rows), false, pipeName(), false);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new TerminalError('no_terminal', `cannot open a terminal for ${file}: ${reason}`, cause);
  }
}

function sizeFor(wanted: number): number {
  return Math.min(wanted, MAX_CONSOLE_SIZE);
}
