// Refused calls: what of the kernel answers ENOSYS to a program and its children, as under a strict seccomp profile or gVisor.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../../deploy/build/command.ts';

/** Names as refuse-calls.c knows them; `newer` are all that came after gVisor's last one, epoll_pwait2. */
export type RefusedCalls = readonly string[];

let compiled: Promise<string> | undefined;

/** A static program for it, made once a run: `refuse-calls NAME… -- COMMAND…`. */
export async function ensureCallRefuser(): Promise<string> {
  compiled ??= compile();
  return await compiled;
}

async function compile(): Promise<string> {
  const output = join(await mkdtemp(join(tmpdir(), 'converge-refuser-')), 'refuse-calls');
  const source = join(import.meta.dirname, 'refuse-calls.c');
  await runCommand('gcc', ['-O1', '-static', '-s', '-Wall', '-Wextra', '-Werror', '-o', output, source]);
  return output;
}

/** What to put before a command, in the folder that the program was copied to; nothing where nothing is refused. */
export function refuserWords(calls: RefusedCalls): readonly string[] {
  return calls.length === 0 ? [] : ['./refuse-calls', ...calls, '--'];
}
