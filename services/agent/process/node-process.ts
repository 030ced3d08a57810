// A piped process as Node starts it, for where the addon cannot be loaded: what a job needs most works there too.
import { spawn } from 'node:child_process';
import { accessSync, constants as fileModes } from 'node:fs';
import { constants } from 'node:os';
import { type ProcessEnd, UNKNOWN_END } from '../platform/process-end.ts';
import type { Bytes, PipedProcess, ProgramLaunch } from '../platform/programs.ts';
import { groupOn } from './piped-group.ts';
import { ProcessError } from './process-addon.ts';

/**
 * Its three descriptors are socket pairs, it inherits what the agent was started with, and bytes that are not text are lost.
 * @throws ProcessError when there is nothing to start.
 */
export function startByNode(options: ProgramLaunch, onEnd: (end: ProcessEnd) => void): PipedProcess {
  checkExecutable(options.file);
  const [argv0 = options.file, ...args] = options.argv.map(String);
  const env = Object.fromEntries(
    [...options.env].map(([name, value]: [string, Bytes]) => [name, String(value)]),
  );
  const child = spawn(options.file, args, { argv0, cwd: options.cwd, env, stdio: 'pipe', detached: true });
  child.on('exit', (code, signal) => {
    onEnd(endFrom(code, signal));
  });
  child.on('error', () => {}); // without a pid, see below; with one there is nothing that could fail
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined) throw new ProcessError(-constants.errno.ENOEXEC);
  return groupOn({ pid, stdin, stdout, stderr });
}

/** Node reports why a program has not started, but later. */
function checkExecutable(file: string): void {
  try {
    accessSync(file, fileModes.X_OK);
  } catch (error) {
    throw new ProcessError((error as NodeJS.ErrnoException).errno ?? -constants.errno.EACCES);
  }
}

function endFrom(code: number | null, signal: NodeJS.Signals | null): ProcessEnd {
  if (code !== null) return { kind: 'code', code };
  if (signal === null) return UNKNOWN_END;
  return { kind: 'signal', signal: constants.signals[signal], coreDumped: false };
}
