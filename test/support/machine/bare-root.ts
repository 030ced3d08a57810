// Bare roots: root file systems that hold busybox and next to nothing else, as scratch, distroless and Alpine images do.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ensureStaticBusybox } from './static-busybox.ts';

/** Programs of busybox that are there under their own names. */
const APPLETS = ['sh', 'cat', 'echo', 'env', 'ls', 'mkdir', 'pwd', 'rm', 'stty', 'tty', 'touch', 'true'];

export interface BareRootOptions {
  /** Everything but what is mounted into it is read-only. */
  readonly isReadOnly?: boolean;
  /** No /dev/shm, which container engines give to every container. */
  readonly hasNoSharedMemory?: boolean;
  /** /tmp is a file system of its own, mounted with these options. */
  readonly temporary?: string;
  /** As chroot takes it: `65534:65534`. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface BareRoot extends AsyncDisposable {
  /** Starts a command inside, in /job, with the network of the machine. */
  start(command: readonly string[]): ChildProcessWithoutNullStreams;
}

/** A new root, with `programs` in /job. @throws Error when this process is not root */
export async function openBareRoot(
  programs: readonly string[],
  options: BareRootOptions = {},
): Promise<BareRoot> {
  if (process.getuid?.() !== 0) throw new Error('a chroot needs root: run it with sudo');
  const busybox = await ensureStaticBusybox();
  const root = await mkdtemp(join(tmpdir(), 'converge-bare-'));
  for (const folder of ['bin', 'dev/pts', 'etc', 'job', 'lib', 'proc', 'root', 'tmp'])
    await mkdir(join(root, folder), { recursive: true });
  await chmod(root, 0o755);
  await chmod(join(root, 'tmp'), 0o1777);
  await chmod(join(root, 'job'), 0o777);
  await copyFile(busybox, join(root, 'bin/busybox'));
  for (const applet of APPLETS) await symlink('busybox', join(root, 'bin', applet));
  const users = ['root:x:0:0:root:/root:/bin/sh', 'nobody:x:65534:65534:nobody:/nonexistent:/bin/sh'];
  await writeFile(join(root, 'etc/passwd'), `${users.join('\n')}\n`);
  for (const file of programs) await copyFile(file, join(root, 'job', basename(file)));
  const script = enter(options);
  return {
    start(command) {
      const namespaces = ['--mount', '--pid', '--fork', '--kill-child'];
      const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...options.env };
      return spawn('unshare', [...namespaces, 'sh', '-ec', script, root, ...command], { env });
    },
    [Symbol.asyncDispose]: async () => await rm(root, { recursive: true, force: true }),
  };
}

/** The script that goes in: `$0` is the root, the rest is the command. */
function enter({ isReadOnly = false, hasNoSharedMemory = false, temporary, user }: BareRootOptions): string {
  const who = user === undefined ? '' : `--userspec=${user}`;
  return [
    // A mount of its own, which can be read-only.
    'mount --bind "$0" "$0"',
    'cd "$0"',
    ...(isReadOnly ? ['mount -o remount,ro,bind "$0"'] : []),
    'mount -t proc proc proc',
    'mount -t tmpfs -o mode=755 dev dev',
    'mkdir dev/pts',
    // As engines mount it: no programs may run there.
    ...(hasNoSharedMemory
      ? []
      : ['mkdir dev/shm', 'mount -t tmpfs -o nosuid,nodev,noexec,mode=1777,size=64m shm dev/shm']),
    'mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts',
    'ln -s pts/ptmx dev/ptmx',
    'for name in null zero urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done',
    ...(temporary === undefined ? [] : [`mount -t tmpfs -o mode=1777,${temporary} tmp tmp`]),
    // Whoever is root may write to it otherwise.
    ...(isReadOnly ? ['mount -o remount,ro dev'] : []),
    `exec chroot ${who} . sh -c 'cd /job && exec "$0" "$@"' "$@"`,
  ].join('\n');
}
