// A piped process: a program between three pipes, as streams with back-pressure.
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { NativeAddonError } from '#shared/machine/native-addon.ts';
import type { ProcessEnd } from '../platform/process-end.ts';
import type { PipedProcess, ProgramLaunch } from '../platform/programs.ts';
import { startByNode } from './node-process.ts';
import { groupOn } from './piped-group.ts';
import { checked, type PipeEnds, processAddon } from './process-addon.ts';
import { spawn } from './spawn.ts';

/**
 * Starts a program with a pipe for each of its three descriptors (no socket pairs: nobody can open those by
 * `/dev/stdin` and `/dev/stderr`). Where no folder takes the addon (a read-only image whose /tmp is noexec), Node starts it.
 * @throws ProcessError when there are no descriptors left, or the program does not start.
 */
export function startPipedProcess(options: ProgramLaunch, onEnd: (end: ProcessEnd) => void): PipedProcess {
  try {
    return startByAddon(options, onEnd);
  } catch (error) {
    if (error instanceof NativeAddonError) return startByNode(options, onEnd);
    throw error;
  }
}

function startByAddon(options: ProgramLaunch, onEnd: (end: ProcessEnd) => void): PipedProcess {
  const pipes: PipeEnds[] = [];
  try {
    const [input, output, errors] = [openPipe(pipes), openPipe(pipes), openPipe(pipes)];
    const stdio = [input.read, output.write, errors.write] as const;
    const pid = spawn({ ...options, stdio, isTerminal: false }, onEnd);
    for (const fd of stdio) closeSync(fd);
    return groupOn({
      pid,
      stdin: writerOf(input.write),
      stdout: readerOf(output.read),
      stderr: readerOf(errors.read),
    });
  } catch (error) {
    for (const { read, write } of pipes) {
      closeSync(read);
      closeSync(write);
    }
    throw error;
  }
}

/** Opens one and adds it to what a failure closes. */
function openPipe(pipes: PipeEnds[]): PipeEnds {
  const pipe = checked(processAddon().openPipe()) as PipeEnds;
  pipes.push(pipe);
  return pipe;
}

function readerOf(fd: number): Socket {
  return new Socket({ fd, readable: true, writable: false });
}

function writerOf(fd: number): Socket {
  return new Socket({ fd, readable: false, writable: true });
}
