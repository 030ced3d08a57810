// OpenSSH of other Debians: programs for the front of the PATH that run the one in a root of that Debian.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureRoot } from '../support/machine/minimal-root.ts';
import type { Client } from './client.ts';
import type { ProgramFolders } from './script.ts';

const PROGRAMS = ['ssh', 'sftp', 'scp', 'ssh-add', 'ssh-keygen'] as const;

/**
 * The run's own folder is in there under the same name, so that files, sockets and the working directory are what they
 * are outside; the mounts end with the program. `$0` is the root, `$1` that folder, the rest the command.
 */
const ENTER = [
  'mount --rbind /dev "$0/dev"',
  'mount -t proc proc "$0/proc"',
  'mount -t tmpfs tmpfs "$0/tmp"',
  'mkdir -p "$0$1"',
  'mount --rbind "$1" "$0$1"',
  'shift',
  `exec chroot "$0" /bin/sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"`,
].join(' && ');

/** Makes the roots that `clients` need, and the folders of programs in `folder`, which is the one that they see. */
export async function openPrograms(folder: string, clients: readonly Client[]): Promise<ProgramFolders> {
  const folders = new Map<string, string>();
  for (const { name, suite } of clients) {
    if (suite === undefined) continue;
    const programs = join(folder, `programs-${suite}`);
    folders.set(name, programs);
    const root = await ensureRoot({ suite, packages: ['openssh-client'] });
    await mkdir(programs, { recursive: true });
    for (const program of PROGRAMS) {
      const words = ['unshare', '--mount', 'sh', '-c', `'${ENTER.replaceAll("'", `'\\''`)}'`, root, folder];
      const script = `#!/bin/sh\nexec ${words.join(' ')} /usr/bin/${program} "$@"\n`;
      await writeFile(join(programs, program), script, { mode: 0o755 });
    }
  }
  return folders;
}
