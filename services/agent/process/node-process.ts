// A piped process as Node starts it: on macOS, and where the addon cannot be loaded.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { ProcessEnd } from '../platform/process-end.ts';
import type { PipedProcess, ProgramLaunch } from '../platform/programs.ts';
import { checkExecutable, endFromNode, textVariables } from './node-child.ts';
import { groupOn } from './piped-group.ts';
import { ProcessError } from './process-addon.ts';

/**
 * Its three descriptors are socket pairs (macOS opens those by /dev/stdin too), it inherits what the agent was started with (on
 * macOS nothing), and bytes that are not text are lost.
 * @throws ProcessError when there is nothing to start.
 */
export function startByNode(options: ProgramLaunch, onEnd: (end: ProcessEnd) => void): PipedProcess {
  checkExecutable(options.file);
  const [argv0 = options.file, ...args] = options.argv.map(String);
  const env = textVariables(options.env);
  const child = spawn(options.file, args, { argv0, cwd: options.cwd, env, stdio: 'pipe', detached: true });
  child.on('exit', (code, signal) => {
    onEnd(endFromNode(code, signal));
  });
  child.on('error', () => {}); // without a pid, see below; with one there is nothing that could fail
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined) throw new ProcessError(-constants.errno.ENOEXEC);
  return groupOn({ pid, stdin, stdout, stderr });
}
