// A folder without a byte to spare, as /tmp is in many a job that failed. Needs root, and Linux.

/** More than a file system needs for its folders, less than any program is long. */
const SIZE = '64k';

/**
 * Mounts that vanish with the last process of the command, since they are in a namespace of their own. `$0` is the folder,
 * the rest is the command. `cat` ends when nothing more fits.
 */
const FILL = `mount -t tmpfs -o size=${SIZE} full "$0" && { cat /dev/zero >"$0/full" 2>/dev/null; exec "$@"; }`;

/** The words that run a command, which follows, where `folder` is full. */
export function withFullFolder(folder: string): [string, ...string[]] {
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', FILL, folder];
}
