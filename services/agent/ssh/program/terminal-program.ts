// A program on a terminal: the interactive shell, and commands of `ssh -t`.
import { TerminalError, type TerminalProcess } from '../../platform/programs.ts';
import type { TerminalMode } from '../../platform/terminal-mode.ts';
import { ChannelOutput } from '../channel/channel-output.ts';
import { EXIT_CANNOT_RUN, exitFrom, type ProcessExit } from '../channel/process-exit.ts';
import type { Program, ProgramAccount, ProgramOptions, TerminalSize } from './program.ts';
import { ScreenState } from './screen-state.ts';
import { resolveWorkingDirectory } from './working-directory.ts';

export interface TerminalProgramOptions extends ProgramOptions {
  readonly size: TerminalSize;
  /** What the client's own terminal is set to; none from a client that has no terminal. */
  readonly modes?: readonly TerminalMode[];
  /** Shown before the program starts. */
  readonly greeting: string;
  /** Output of a command is activity too: of `command`, or of what a shell runs in the foreground. */
  readonly countsOutput?: boolean;
}

/** Starts the program. The channel is closed when the program has ended, whoever else keeps its terminal open. */
export function startTerminalProgram(options: TerminalProgramOptions): Program {
  const program = new TerminalProgram(options);
  program.start();
  return program;
}

class TerminalProgram implements Program {
  readonly #options: TerminalProgramOptions;
  readonly #screen = new ScreenState();
  readonly #output: ChannelOutput;
  /** Undefined before the start, and where none could be opened. */
  #pty: TerminalProcess | undefined;
  #received = 0;
  #sent = 0;
  #exit: ProcessExit | undefined;
  /** By `Foreground.ended`, as it was when the last output came. */
  #ended = 0;

  constructor(options: TerminalProgramOptions) {
    this.#options = options;
    this.#output = new ChannelOutput(options.channel, options.gate, () => this.#pty?.resume());
  }

  start(): void {
    const { cwd, greeting, platform } = this.#options;
    const directory = resolveWorkingDirectory(cwd, platform.shells.lastDirectory);
    this.#show(greeting);
    this.#show(directory.note ?? '');
    this.#pty = this.#open(directory.path);
    if (this.#pty !== undefined) this.#connect(this.#pty);
  }

  get hasStarted(): boolean {
    return this.#pty !== undefined;
  }

  get account(): ProgramAccount {
    return { received: this.#received, sent: this.#sent, exit: this.#exit };
  }

  resize({ columns, rows }: TerminalSize): void {
    this.#pty?.resize(columns, rows);
  }

  signal(signal: NodeJS.Signals): void {
    this.#pty?.kill(signal);
  }

  notify(text: string): void {
    this.#show(`\n${text.trimEnd()}\n`);
  }

  readerLeft(): void {}

  close(farewell: string): void {
    this.#pty?.hangUp();
    // A full-screen program is cut off here: without this the person would not see the farewell, nor get the terminal back.
    this.#output.write('stdout', this.#screen.reset());
    this.notify(farewell);
    this.#output.finish();
  }

  hangUp(): void {
    this.#output.abandon();
    this.#pty?.hangUp();
  }

  #open(cwd: string): TerminalProcess | undefined {
    const { channel, platform, shell, command, env, size, modes = [], clock, log } = this.#options;
    const program = {
      file: shell,
      argv: platform.shells.argumentsFor(shell, command, true),
      cwd,
      env: (terminal: string) => new Map([...env, ['SSH_TTY', Buffer.from(terminal)]]),
    };
    try {
      const opened: TerminalProcess = platform.programs.openTerminal(
        { ...program, ...size, modes, clock },
        {
          data: (chunk) => {
            this.#screen.see(chunk);
            this.#sent += chunk.length;
            this.#countOutput(opened);
            if (!this.#output.write('stdout', chunk)) opened.pause();
          },
          drained() {
            channel.resume();
          },
        },
      );
      return opened;
    } catch (error) {
      if (!(error instanceof TerminalError)) throw error;
      log('terminal not opened', { error: error.message });
      this.#show(`converge: ${error.message}\n`);
      this.#exit = EXIT_CANNOT_RUN;
      this.#output.finish(EXIT_CANNOT_RUN);
      channel.resume();
      return undefined;
    }
  }

  #connect(pty: TerminalProcess): void {
    const { channel, onActivity } = this.#options;
    channel.on('data', (chunk: Buffer) => {
      onActivity();
      this.#received += chunk.length;
      if (!pty.write(chunk)) channel.pause();
    });
    // As in sshd, the client's EOF means nothing to a terminal: there a key ends the input.
    void pty.exited.then((end) => {
      this.#exit = exitFrom(end);
      this.#output.finish(this.#exit);
      channel.resume();
    });
  }

  /** Output is a command's if one runs in the foreground, or has ended since the last output: its last words may come with the prompt. */
  #countOutput(pty: TerminalProcess): void {
    const { command, countsOutput = false, onActivity } = this.#options;
    if (!countsOutput) return;
    // Where the system does not say, it may be a command's.
    const foreground = command === undefined ? pty.foreground?.() : undefined;
    if (foreground === undefined) return onActivity();
    const hasEnded = foreground.ended !== this.#ended;
    this.#ended = foreground.ended;
    if (foreground.isTaken || hasEnded) onActivity();
  }

  #show(text: string): void {
    // The terminal's own newline translation is not in the way yet, or is switched off by a full-screen program.
    this.#output.write('stdout', Buffer.from(text.replaceAll(/\r?\n/g, '\r\n')));
  }
}
