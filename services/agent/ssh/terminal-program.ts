// A program on a terminal: the interactive shell, and commands of `ssh -t`.
import { existsSync } from 'node:fs';
import { openPty, type Pty, type PtyExit } from '../pty/pty.ts';
import { ChannelOutput } from './channel-output.ts';
import { EXIT_CANNOT_RUN, exitFrom } from './process-exit.ts';
import type { Program, ProgramOptions, TerminalSize } from './program.ts';
import { resolveWorkingDirectory, shellProblem } from './working-directory.ts';

export interface TerminalProgramOptions extends ProgramOptions {
  readonly size: TerminalSize;
  /** Shown before the program starts. */
  readonly greeting: string;
}

/** The terminal's name is known only after the program has started, so a first shell looks it up and steps aside. */
const POSIX_SHELL = '/bin/sh';
const NAME_TERMINAL = 'SSH_TTY=$(tty 2>/dev/null) && export SSH_TTY; exec "$@"';

/** Starts the program. The channel is closed when the program has ended, whoever else keeps its terminal open. */
export function startTerminalProgram(options: TerminalProgramOptions): Program {
  const { channel } = options;
  let pty: Pty | undefined;
  const output = new ChannelOutput(channel, options.gate, () => {
    pty?.resume();
  });
  const cwd = resolveWorkingDirectory(options.cwd);
  const problem = shellProblem(options.shell);
  show(options.greeting);
  show(cwd.note ?? '');

  if (problem === undefined) pty = start();
  else refuse(problem);

  function start(): Pty | undefined {
    const [file, ...args] = commandLine(options);
    const { columns, rows } = options.size;
    try {
      const opened = openPty(
        {
          file: file ?? options.shell,
          args,
          env: options.env,
          cwd: cwd.path,
          columns,
          rows,
          clock: options.clock,
        },
        {
          data(chunk) {
            if (!output.write('stdout', chunk)) pty?.pause();
          },
          drained() {
            channel.resume();
          },
        },
      );
      connect(opened);
      options.onStarted();
      return opened;
    } catch (error) {
      options.log('terminal not opened', { error: (error as Error).message });
      refuse(`converge: ${(error as Error).message}\n`);
      return undefined;
    }
  }

  function connect(opened: Pty): void {
    channel.on('data', (chunk: Buffer) => {
      options.onActivity();
      if (!opened.write(chunk)) channel.pause();
    });
    // As in sshd, the client's EOF means nothing to a terminal: what ends input there is a key.
    void opened.exited.then((exit) => {
      output.finish(processExitOf(exit));
      channel.resume();
    });
  }

  function show(text: string): void {
    // The terminal's own newline translation is not in the way yet, or is switched off by a full-screen program.
    output.write('stdout', Buffer.from(text.replaceAll(/\r?\n/g, '\r\n')));
  }

  function refuse(text: string): void {
    show(text);
    output.finish(EXIT_CANNOT_RUN);
    channel.resume();
  }

  return {
    resize({ columns, rows }) {
      pty?.resize(columns, rows);
    },
    signal(signal) {
      pty?.kill(signal);
    },
    notify(text) {
      show(`\n${text.trimEnd()}\n`);
    },
    close() {
      pty?.hangUp();
      output.finish();
    },
    hangUp() {
      output.abandon();
      pty?.hangUp();
    },
  };
}

function commandLine({ shell, command }: ProgramOptions): string[] {
  const program = command === undefined ? [shell] : [shell, '-c', command];
  return existsSync(POSIX_SHELL) ? [POSIX_SHELL, '-c', NAME_TERMINAL, 'sh', ...program] : program;
}

function processExitOf(exit: PtyExit): ReturnType<typeof exitFrom> {
  return exit.kind === 'code' ? exitFrom(exit.code, null) : exitFrom(null, exit.signal);
}
