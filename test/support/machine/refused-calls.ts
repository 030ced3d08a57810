// Refused calls: what of the kernel answers ENOSYS to a program and its children, as under a strict seccomp profile or gVisor.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../../deploy/build/command.ts';
import { hostPlatform } from '../../../deploy/build/linux-platform.ts';
import { WORKSHOP } from '../../../deploy/build/source-tree.ts';
import { makeOnce } from '../../../deploy/build/stamp.ts';
import { ensureCompilers } from '../../../deploy/build/toolchain.ts';

const SOURCE = join(import.meta.dirname, 'refuse-calls.c');
const FLAGS = ['-O1', '-static', '-s', '-Wall', '-Wextra', '-Werror'];

/** Names as refuse-calls.c knows them; `newer` are all that came after gVisor's last one, epoll_pwait2. */
export type RefusedCalls = readonly string[];

let compiled: Promise<string> | undefined;

/** A static program for it, made when it has changed: `refuse-calls NAME… -- COMMAND…`. */
export async function ensureCallRefuser(): Promise<string> {
  compiled ??= compile();
  return await compiled;
}

async function compile(): Promise<string> {
  const output = join(WORKSHOP, 'refuse-calls');
  const made = await makeOnce(output, [FLAGS.join(' '), await readFile(SOURCE)], async (temporary) => {
    const { c } = await ensureCompilers(hostPlatform());
    await runCommand(c, [...FLAGS, '-o', temporary, SOURCE]);
  });
  return made.path;
}

/** What to put before a command, in the folder that the program was copied to; nothing where nothing is refused. */
export function refuserWords(calls: RefusedCalls): readonly string[] {
  return calls.length === 0 ? [] : ['./refuse-calls', ...calls, '--'];
}
