// A bare PATH: a folder with these commands and no others, as an image has them.
import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findCommand } from '../../../deploy/build/debian-packages.ts';

const run = promisify(execFile);

/** Fills the empty `folder`. `busybox:NAME` is that of busybox. */
export async function fillPath(folder: string, commands: readonly string[]): Promise<void> {
  for (const command of commands) {
    const [first = '', applet] = command.split(':');
    const file = first === 'python3' ? await pythonItself() : findCommand(first);
    if (file === undefined) throw new Error(`${first} is not on this machine`);
    await symlink(file, join(folder, applet ?? first));
  }
}

/** What is on the PATH may be a script that chooses between versions, and needs more than this PATH. */
async function pythonItself(): Promise<string> {
  const { stdout } = await run('python3', ['-c', 'import sys; print(sys.executable)']);
  return stdout.trim();
}
