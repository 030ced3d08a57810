// A detached process: a program that outlives this one, its terminal and its process group.
import { spawn as spawnByNode } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants, devNull } from 'node:os';
import { NativeAddonError } from '#shared/machine/native-addon.ts';
import type { ProcessEnd } from '../platform/process-end.ts';
import type { DetachedLaunch, DetachedProcess } from '../platform/programs.ts';
import { checkExecutable, endFromNode, textVariables } from './node-child.ts';
import { checked, type PipeEnds, ProcessError, processAddon } from './process-addon.ts';
import { spawn } from './spawn.ts';

/** In a session of its own. Where no folder takes the addon, Node starts it. @throws ProcessError */
export function startDetachedProcess(
  options: DetachedLaunch,
  onEnd: (end: ProcessEnd) => void,
): DetachedProcess {
  try {
    return startByAddon(options, onEnd);
  } catch (error) {
    if (error instanceof NativeAddonError) return startDetachedByNode(options, onEnd);
    throw error;
  }
}

/** By the addon it has three descriptors: one more, of a pipe of the job, and who reads from that would wait for its end. */
function startByAddon(options: DetachedLaunch, onEnd: (end: ProcessEnd) => void): DetachedProcess {
  const { read, write } = checked(processAddon().openPipe()) as PipeEnds;
  let input: number | undefined;
  try {
    input = openSync(devNull, 'r');
    const stdio = [input, write, options.errors] as const;
    const pid = spawn({ ...options, stdio, isTerminal: false }, onEnd);
    const output = new Socket({ fd: read, readable: true, writable: false });
    return { pid, output, kill: (signal) => killOne(pid, signal) };
  } catch (error) {
    closeSync(read);
    throw error;
  } finally {
    closeSync(write);
    if (input !== undefined) closeSync(input);
  }
}

/**
 * The same by Node: on macOS a program inherits nothing else anyway.
 * @throws ProcessError when there is nothing to start.
 */
export function startDetachedByNode(
  options: DetachedLaunch,
  onEnd: (end: ProcessEnd) => void,
): DetachedProcess {
  const { file, argv, cwd, errors } = options;
  checkExecutable(file);
  const [argv0 = file, ...args] = argv.map(String);
  const child = spawnByNode(file, args, {
    argv0,
    cwd,
    env: textVariables(options.env),
    stdio: ['ignore', 'pipe', errors],
    detached: true,
  });
  child.on('exit', (code, signal) => onEnd(endFromNode(code, signal)));
  child.on('error', () => {}); // without a pid, see below; with one there is nothing that could fail
  const { pid, stdout: output } = child;
  if (pid === undefined || output === null) throw new ProcessError(-constants.errno.ENOEXEC);
  return { pid, output, kill: (signal) => void child.kill(signal) };
}

function killOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it has just ended.
  }
}
