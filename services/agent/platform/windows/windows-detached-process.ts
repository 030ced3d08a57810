// A program of Windows that outlives this one.
import { spawn } from 'node:child_process';
import { type ProcessEnd, UNKNOWN_END } from '../process-end.ts';
import type { DetachedLaunch, DetachedProcess } from '../programs.ts';
import { requireFile } from './windows-piped-process.ts';
import { windowsVariables } from './windows-variables.ts';

/**
 * Without a console, and in none of this process' job objects that would end it. Throws an Error whose message is the reason when
 * there is nothing to start.
 */
export function startWindowsDetached(
  launch: DetachedLaunch,
  onEnd: (end: ProcessEnd) => void,
): DetachedProcess {
  requireFile(launch.file);
  const [argv0 = '', ...args] = launch.argv.map(String);
  const child = spawn(launch.file, args, {
    argv0,
    cwd: launch.cwd,
    env: windowsVariables(launch.env),
    stdio: ['ignore', 'pipe', launch.errors],
    detached: true,
    windowsHide: true,
    windowsVerbatimArguments: true,
  });
  child.on('exit', (code) => onEnd(code === null ? UNKNOWN_END : { kind: 'code', code }));
  child.on('error', () => {}); // without a pid, see below; with one there is nothing that could fail
  const { pid, stdout: output } = child;
  if (pid === undefined || output === null) throw new Error('Windows does not start it');
  return { pid, output, kill: (signal) => void child.kill(signal) };
}
