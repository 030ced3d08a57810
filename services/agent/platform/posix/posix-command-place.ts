// The place of the `converge` command on Linux and macOS: a script for /bin/sh, and a unix socket beside it.
import { join } from 'node:path';
import { USUAL_TEMPORARY_FOLDERS } from '#shared/machine/temporary-folders.ts';
import { shellQuoted } from '#shared/text/shell-quoted.ts';
import type { CommandPlace } from '../command-place.ts';

/** `sun_path` holds 108 bytes on Linux and 104 on macOS and the BSDs, with the final zero. */
export const MAX_SOCKET_PATH_BYTES = 103;

/** Room for `/converge-XXXXXX/socket` below a candidate. */
const SUFFIX_BYTES = '/converge-XXXXXX/socket'.length;

/** What a system without a PATH would use (`confstr(_CS_PATH)` and the administrator's directories). */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What XDG_DATA_DIRS stands for where it is not set (XDG Base Directory Specification). */
const DEFAULT_DATA_DIRECTORIES = '/usr/local/share:/usr/share';

export const POSIX_COMMAND_PLACE: CommandPlace = {
  fallbacks: USUAL_TEMPORARY_FOLDERS,

  takesLinks: true,

  unfitness(parent) {
    if (!parent.startsWith('/')) return 'not an absolute path';
    if (parent.includes(':')) return 'a colon cannot be on PATH';
    const bytes = Buffer.byteLength(parent) + SUFFIX_BYTES;
    return bytes > MAX_SOCKET_PATH_BYTES ? 'too long for a socket' : undefined;
  },

  socketFor: (folder) => join(folder, 'socket'),

  /**
   * The script spells everything out and takes nothing from the environment: `sudo` and `env -i` keep neither variables nor PATH.
   * NODE_OPTIONS are meant for the job's own Node and could keep this one from starting.
   */
  shims(program) {
    const command = program.map(shellQuoted).join(' ');
    return [{ name: 'converge', text: `#!/bin/sh\nunset NODE_OPTIONS\nexec ${command} "$@"\n` }];
  },

  pathWith: (folder, path) => `${folder}:${path ?? DEFAULT_PATH}`,

  /** bash-completion before 2.12 does not look beside PATH. For zsh there is nothing: FPATH from outside takes its own place. */
  completionEnv: (folder, directories) => ({
    XDG_DATA_DIRS: `${directories === undefined || directories === '' ? DEFAULT_DATA_DIRECTORIES : directories}:${folder}`,
  }),
};
