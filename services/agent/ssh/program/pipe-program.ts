// A program without a terminal: three pipes, stdout and stderr apart, for exec and for shells that are fed a script.
import { type PipedProcess, startPipedProcess } from '../../process/piped-process.ts';
import type { ProcessEnd } from '../../process/process-end.ts';
import { signalGroup } from '../../process/spawn.ts';
import { ChannelOutput } from '../channel/channel-output.ts';
import { EXIT_CANNOT_RUN, exitFrom } from '../channel/process-exit.ts';
import type { Program, ProgramOptions } from './program.ts';
import { shellArguments } from './shell-command.ts';
import { cannotRun, resolveWorkingDirectory } from './working-directory.ts';

type State =
  | { readonly kind: 'not_started' }
  | { readonly kind: 'running'; readonly process: PipedProcess }
  /** Others still hold its output. */
  | { readonly kind: 'ended'; readonly process: PipedProcess }
  /** Nobody holds its output any more. Its process group may be somebody else's by now. */
  | { readonly kind: 'over' };

/**
 * Starts the program in a process group and session of its own. How it ended is reported at once. The channel is closed, as in
 * sshd, when everybody has let go of its output too: `cmd &` that keeps stdout keeps the client, `cmd >log 2>&1 &` does not.
 */
export function startPipeProgram(options: ProgramOptions): Program {
  const { channel } = options;
  let state: State = { kind: 'not_started' };
  const output = new ChannelOutput(channel, options.gate, () => {
    resumeOutput();
  });
  const cwd = resolveWorkingDirectory(options.cwd);
  if (cwd.note !== undefined) output.write('stderr', Buffer.from(cwd.note));
  const hasStarted = start();

  function start(): boolean {
    const { shell, command, env } = options;
    try {
      const argv = shellArguments(shell, command);
      const started = startPipedProcess({ file: shell, argv, env, cwd: cwd.path }, ended);
      state = { kind: 'running', process: started };
      passOutput(started);
      passInput(started);
      return true;
    } catch (error) {
      output.write('stderr', Buffer.from(cannotRun(shell, error as Error)));
      output.finish(EXIT_CANNOT_RUN);
      channel.resume();
      return false;
    }
  }

  function passOutput({ stdout, stderr }: PipedProcess): void {
    for (const [target, stream] of [
      ['stdout', stdout],
      ['stderr', stderr],
    ] as const) {
      stream.on('data', (chunk: Buffer) => {
        options.onActivity();
        if (output.write(target, chunk)) return;
        stdout.pause();
        stderr.pause();
      });
      stream.on('error', () => {}); // 'close' follows
      stream.on('close', finishIfOver);
    }
  }

  function passInput({ stdin }: PipedProcess): void {
    let isInputOpen = true;
    channel.on('data', (chunk: Buffer) => {
      options.onActivity();
      // After the program has closed its stdin the rest of the input is thrown away, as in sshd.
      if (stdin.writable && !stdin.write(chunk)) channel.pause();
    });
    channel.on('end', () => {
      isInputOpen = false;
      stdin.end();
    });
    stdin.on('drain', () => {
      channel.resume();
    });
    stdin.on('error', () => {}); // 'close' follows
    stdin.on('close', () => {
      channel.resume();
      if (!isInputOpen) return;
      isInputOpen = false;
      options.onInputClosed?.();
    });
  }

  function ended(end: ProcessEnd): void {
    if (state.kind !== 'running') return;
    state = { kind: 'ended', process: state.process };
    state.process.stdin.destroy();
    output.exit(exitFrom(end));
    finishIfOver();
  }

  function finishIfOver(): void {
    if (state.kind !== 'ended' || !state.process.stdout.closed || !state.process.stderr.closed) return;
    state = { kind: 'over' };
    output.finish();
  }

  function resumeOutput(): void {
    if (state.kind !== 'running' && state.kind !== 'ended') return;
    state.process.stdout.resume();
    state.process.stderr.resume();
  }

  function letGoOfOutput(): void {
    if (state.kind !== 'running' && state.kind !== 'ended') return;
    state.process.stdout.destroy();
    state.process.stderr.destroy();
  }

  return {
    hasStarted,
    resize() {},
    signal(signal) {
      if (state.kind === 'running') signalGroup(state.process.pid, signal);
    },
    notify() {},
    readerLeft() {
      if (state.kind !== 'running' && state.kind !== 'ended') return;
      state.process.stdout.destroy();
      output.dropStdout();
    },
    close() {
      if (state.kind === 'running' || state.kind === 'ended') {
        signalGroup(state.process.pid, 'SIGHUP');
        state.process.stdin.destroy();
      }
      output.finish();
      // Its last output is read and thrown away: a SIGPIPE could end it before it has dealt with the SIGHUP.
      resumeOutput();
    },
    // As in sshd the program goes on, and learns of it by its descriptors: input ends, and writing gives SIGPIPE.
    hangUp() {
      output.abandon();
      letGoOfOutput();
      channel.resume();
    },
  };
}
