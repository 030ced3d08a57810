// A program of Windows between three pipes.
import { spawn } from 'node:child_process';
import { type ProcessEnd, UNKNOWN_END } from '../process-end.ts';
import type { PipedProcess, ProgramLaunch } from '../programs.ts';
import type { EndTree } from './process-tree.ts';
import { isProgramFile } from './program-file.ts';
import { windowsVariables } from './windows-variables.ts';

/** Those that ask a program to end, or end it. Windows knows no others, and between processes not even these. */
const ENDING_SIGNALS: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGHUP',
  'SIGINT',
  'SIGKILL',
  'SIGQUIT',
  'SIGTERM',
]);

export function asksToEnd(signal: NodeJS.Signals): boolean {
  return ENDING_SIGNALS.has(signal);
}

/**
 * It gets no window, and a console of its own: what it does to that, such as its code page, is no matter of the agent's.
 * Throws an Error whose message is the reason when there is nothing to start.
 */
export function startWindowsProgram(
  endTree: EndTree,
  launch: ProgramLaunch,
  onEnd: (end: ProcessEnd) => void,
): PipedProcess {
  requireFile(launch.file);
  const [argv0 = '', ...args] = launch.argv.map(String);
  const child = spawn(launch.file, args, {
    argv0,
    cwd: launch.cwd,
    env: windowsVariables(launch.env),
    stdio: 'pipe',
    windowsHide: true,
    windowsVerbatimArguments: true,
  });
  let isRunning = true;
  child.on('exit', (code) => {
    isRunning = false;
    onEnd(code === null ? UNKNOWN_END : { kind: 'code', code });
  });
  child.on('error', () => {}); // without a pid, see below; with one there is nothing that could fail
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined) throw new Error('Windows does not start it');
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    endTree({ pid, isRunning: () => isRunning });
  };
  return {
    pid,
    stdin,
    stdout,
    stderr,
    signal(signal) {
      if (asksToEnd(signal)) end();
    },
    end() {
      end();
      stdin.destroy();
    },
    abandon() {
      end();
      stdout.destroy();
      stderr.destroy();
    },
  };
}

/** Node reports why a program has not started, but later. */
export function requireFile(file: string): void {
  if (!isProgramFile(file)) throw new Error('no such file');
}
