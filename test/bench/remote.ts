// A command at a host, by a stock ssh whose bytes never enter this process.
import { closeSync, openSync } from 'node:fs';
import { type E2eProcess, startProcess } from '../support/process/started-process.ts';
import type { Sshd } from '../support/ssh/sshd.ts';

export interface RemoteCommand {
  readonly host: Sshd;
  readonly folder: string;
  readonly command: string;
  /** A file that goes in; by default a pipe of this process. */
  readonly input?: string;
}

/** Its output goes to /dev/null; what it says on standard error is kept. Whoever starts it kills it, or waits for its end. */
export function startRemote({ host, folder, command, input }: RemoteCommand): E2eProcess {
  const { PATH = '', HOME = '/' } = process.env;
  const output = openSync('/dev/null', 'w');
  const file = input === undefined ? undefined : openSync(input, 'r');
  try {
    return startProcess(`ssh to ${host.name}`, ['ssh', ...host.options, host.destination, command], {
      cwd: folder,
      env: { PATH, HOME },
      stdout: output,
      ...(file === undefined ? {} : { stdin: file }),
    });
  } finally {
    for (const descriptor of [output, file]) if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Runs it to its end; how long it took, in seconds. @throws Error if it failed */
export async function timeRemote(command: RemoteCommand): Promise<number> {
  const began = performance.now();
  const ssh = startRemote(command);
  const { code } = await ssh.exited;
  if (code !== 0) throw new Error(ssh.transcript);
  return (performance.now() - began) / 1000;
}
