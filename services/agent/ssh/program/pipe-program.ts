// A program without a terminal: three pipes, stdout and stderr apart, for exec and for shells that are fed a script.
import type { ProcessEnd } from '../../platform/process-end.ts';
import type { PipedProcess } from '../../platform/programs.ts';
import { ChannelOutput } from '../channel/channel-output.ts';
import { EXIT_CANNOT_RUN, exitFrom, type ProcessExit } from '../channel/process-exit.ts';
import type { Program, ProgramAccount, ProgramOptions } from './program.ts';
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
  const program = new PipeProgram(options);
  program.start();
  return program;
}

class PipeProgram implements Program {
  readonly #options: ProgramOptions;
  readonly #output: ChannelOutput;
  #state: State = { kind: 'not_started' };
  #received = 0;
  #sent = 0;
  #exit: ProcessExit | undefined;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#output = new ChannelOutput(options.channel, options.gate, () => this.#resumeOutput());
  }

  get hasStarted(): boolean {
    return this.#state.kind !== 'not_started';
  }

  get account(): ProgramAccount {
    return { received: this.#received, sent: this.#sent, exit: this.#exit };
  }

  start(): void {
    const { channel, platform, shell, command, env } = this.#options;
    const cwd = resolveWorkingDirectory(this.#options.cwd, platform.shells.lastDirectory);
    if (cwd.note !== undefined) this.#output.write('stderr', Buffer.from(cwd.note));
    try {
      const argv = platform.shells.argumentsFor(shell, command, false);
      const program = { file: shell, argv, env, cwd: cwd.path };
      const started = platform.programs.startPiped(program, (end) => this.#ended(end));
      this.#state = { kind: 'running', process: started };
      this.#passOutput(started);
      this.#passInput(started);
    } catch (error) {
      this.#output.write('stderr', Buffer.from(cannotRun(shell, error as Error)));
      this.#exit = EXIT_CANNOT_RUN;
      this.#output.finish(EXIT_CANNOT_RUN);
      channel.resume();
    }
  }

  resize(): void {}

  signal(signal: NodeJS.Signals): void {
    if (this.#state.kind === 'running') this.#state.process.signal(signal);
  }

  notify(): void {}

  readerLeft(): void {
    const process = this.#held;
    if (process === undefined) return;
    process.stdout.destroy();
    this.#output.dropStdout();
  }

  close(): void {
    this.#held?.end();
    this.#output.finish();
    // Its last output is read and thrown away: a SIGPIPE could end it before it has dealt with the SIGHUP.
    this.#resumeOutput();
  }

  hangUp(): void {
    this.#output.abandon();
    this.#held?.abandon();
    this.#options.channel.resume();
  }

  #passOutput({ stdout, stderr }: PipedProcess): void {
    for (const [target, stream] of [
      ['stdout', stdout],
      ['stderr', stderr],
    ] as const) {
      stream.on('data', (chunk: Buffer) => {
        this.#options.onActivity();
        this.#sent += chunk.length;
        if (this.#output.write(target, chunk)) return;
        stdout.pause();
        stderr.pause();
      });
      stream.on('error', () => {}); // 'close' follows
      stream.on('close', () => this.#finishIfOver());
    }
  }

  #passInput({ stdin }: PipedProcess): void {
    const { channel, onActivity, onInputClosed } = this.#options;
    let isInputOpen = true;
    channel.on('data', (chunk: Buffer) => {
      onActivity();
      this.#received += chunk.length;
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
      onInputClosed?.();
    });
  }

  #ended(end: ProcessEnd): void {
    if (this.#state.kind !== 'running') return;
    const { process } = this.#state;
    this.#state = { kind: 'ended', process };
    process.stdin.destroy();
    this.#exit = exitFrom(end);
    this.#output.exit(this.#exit);
    this.#finishIfOver();
  }

  #finishIfOver(): void {
    if (this.#state.kind !== 'ended') return;
    const { stdout, stderr } = this.#state.process;
    if (!stdout.closed || !stderr.closed) return;
    this.#state = { kind: 'over' };
    this.#output.finish();
  }

  #resumeOutput(): void {
    this.#held?.stdout.resume();
    this.#held?.stderr.resume();
  }

  /** The process, as long as somebody holds its output. */
  get #held(): PipedProcess | undefined {
    return this.#state.kind === 'running' || this.#state.kind === 'ended' ? this.#state.process : undefined;
  }
}
