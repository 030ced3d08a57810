// The programs of the check: an agent and a wsproxy, as everybody downloads them, run as everybody runs them.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What is kept of a program's output, in characters: the end of it tells what went wrong. */
const OUTPUT_TAIL_CHARACTERS = 4_000;

export interface StartedProgram extends AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  /** The end of what it printed, on both outputs but not what `hidesStdout` hides. */
  said(): string;
}

export interface ProgramStart {
  /** The folder with NAME-OS-ARCH. */
  readonly binaries: string;
  readonly name: 'agent' | 'wsproxy';
  readonly args: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** wsproxy's standard output is SSH, and nobody's to read but the client's. */
  readonly hidesStdout: boolean;
}

/** Starts a program. Disposed of, it is killed and gone. */
export function startProgram(options: ProgramStart): StartedProgram {
  const file = join(options.binaries, `${options.name}-${process.platform}-${process.arch}`);
  const child = spawn(file, options.args, { cwd: options.folder, env: options.environment });
  const gone = once(child, 'close').catch(() => undefined);
  let said = '';
  const keep = (text: string): void => {
    said = (said + text).slice(-OUTPUT_TAIL_CHARACTERS);
  };
  child.on('error', (error) => {
    keep(`${file}: ${error.message}`);
  });
  // A program that ended takes no more input; its end says more than this would.
  child.stdin.on('error', () => undefined);
  child.stderr.setEncoding('utf8').on('data', keep);
  if (!options.hidesStdout) child.stdout.setEncoding('utf8').on('data', keep);
  return {
    child,
    said: () => said,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
