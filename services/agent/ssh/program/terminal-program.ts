// A program on a terminal: the interactive shell, and commands of `ssh -t`.
import { openPty, type Pty, PtyError } from '../../pty/pty.ts';
import type { TerminalMode } from '../../pty/terminal-mode.ts';
import { ChannelOutput } from '../channel/channel-output.ts';
import { EXIT_CANNOT_RUN, exitFrom } from '../channel/process-exit.ts';
import type { Program, ProgramOptions, TerminalSize } from './program.ts';
import { ScreenState } from './screen-state.ts';
import { shellArguments } from './shell-command.ts';
import { resolveWorkingDirectory } from './working-directory.ts';

export interface TerminalProgramOptions extends ProgramOptions {
  readonly size: TerminalSize;
  /** What the client's own terminal is set to; none from a client that has no terminal. */
  readonly modes?: readonly TerminalMode[];
  /** Shown before the program starts. */
  readonly greeting: string;
}

/** Starts the program. The channel is closed when the program has ended, whoever else keeps its terminal open. */
export function startTerminalProgram(options: TerminalProgramOptions): Program {
  const { channel } = options;
  const screen = new ScreenState();
  let pty: Pty | undefined;
  const output = new ChannelOutput(channel, options.gate, () => {
    pty?.resume();
  });
  const cwd = resolveWorkingDirectory(options.cwd);
  show(options.greeting);
  show(cwd.note ?? '');
  pty = start();

  function start(): Pty | undefined {
    const { shell, command, env, size, modes = [], clock } = options;
    const program = {
      file: shell,
      argv: shellArguments(shell, command),
      cwd: cwd.path,
      env: (terminal: string) => new Map([...env, ['SSH_TTY', Buffer.from(terminal)]]),
    };
    try {
      const opened = openPty(
        { ...program, ...size, modes, clock },
        {
          data(chunk) {
            screen.see(chunk);
            if (!output.write('stdout', chunk)) pty?.pause();
          },
          drained() {
            channel.resume();
          },
        },
      );
      connect(opened);
      return opened;
    } catch (error) {
      if (!(error instanceof PtyError)) throw error;
      options.log('terminal not opened', { error: error.message });
      show(`converge: ${error.message}\n`);
      output.finish(EXIT_CANNOT_RUN);
      channel.resume();
      return undefined;
    }
  }

  function connect(opened: Pty): void {
    channel.on('data', (chunk: Buffer) => {
      options.onActivity();
      if (!opened.write(chunk)) channel.pause();
    });
    // As in sshd, the client's EOF means nothing to a terminal: there a key ends the input.
    void opened.exited.then((end) => {
      output.finish(exitFrom(end));
      channel.resume();
    });
  }

  function show(text: string): void {
    // The terminal's own newline translation is not in the way yet, or is switched off by a full-screen program.
    output.write('stdout', Buffer.from(text.replaceAll(/\r?\n/g, '\r\n')));
  }

  function notify(text: string): void {
    show(`\n${text.trimEnd()}\n`);
  }

  return {
    hasStarted: pty !== undefined,
    resize({ columns, rows }) {
      pty?.resize(columns, rows);
    },
    signal(signal) {
      pty?.kill(signal);
    },
    notify,
    readerLeft() {},
    close(farewell) {
      pty?.hangUp();
      // A full-screen program is cut off here: without this the person would not see the farewell, nor get the terminal back.
      output.write('stdout', screen.reset());
      notify(farewell);
      output.finish();
    },
    hangUp() {
      output.abandon();
      pty?.hangUp();
    },
  };
}
