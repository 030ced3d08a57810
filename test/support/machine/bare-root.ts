// Bare roots: root file systems with busybox and next to nothing else, as scratch, distroless and Alpine images are, or with a
// system; and with what a container engine, a kernel or an administrator takes away.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { chmod, copyFile, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { shellQuoted } from '#shared/text/shell-quoted.ts';
import { hostPlatform, isHost, type LinuxPlatform } from '../../../deploy/build/linux-platform.ts';
import { emulationLines } from './emulator.ts';
import { ensureCallRefuser, type RefusedCalls, refuserWords } from './refused-calls.ts';
import { ensureStaticBusybox } from './static-busybox.ts';

/** Programs of busybox that are there under their own names. */
const APPLETS = ['sh', 'cat', 'echo', 'env', 'ls', 'mkdir', 'pwd', 'rm', 'stty', 'tty', 'touch', 'true'];

export interface BareRootOptions {
  /** Of the programs in it; another than this machine's is emulated, in a user namespace. */
  readonly platform?: LinuxPlatform;
  /** The folder of a system that is there instead of busybox. It stays as it is. */
  readonly system?: string;
  /** Lines of a shell that change the root before it is entered, from within its folder. */
  readonly changes?: readonly string[];
  /** Everything but what is mounted into it is read-only. */
  readonly isReadOnly?: boolean;
  /** No /dev/shm, which container engines give to every container. */
  readonly hasNoSharedMemory?: boolean;
  /** /tmp is a file system of its own, mounted with these options. */
  readonly temporary?: string;
  /** How /proc is mounted; `none` if it is not. */
  readonly proc?: 'none' | `hidepid=${1 | 2}`;
  /** As chroot takes it: `65534:65534`. */
  readonly user?: string;
  /** A user namespace of its own, in which it is root, or nobody that the kernel knows. */
  readonly userNamespace?: 'root' | 'nobody';
  readonly refusedCalls?: RefusedCalls;
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
  const folder = await mkdtemp(join(tmpdir(), 'converge-bare-'));
  const root = join(folder, 'root');
  await mkdir(join(root, 'job'), { recursive: true });
  await chmod(folder, 0o755);
  await chmod(join(root, 'job'), 0o777);
  const { platform = hostPlatform() } = options;
  if (options.system === undefined) await furnish(root, platform);
  else for (const name of ['merged', 'over']) await mkdir(join(folder, name));
  const refuser = options.refusedCalls === undefined ? [] : [await ensureCallRefuser()];
  // With its time: a hold file may be ahead of the start.
  for (const file of [...programs, ...refuser])
    await cp(file, join(root, 'job', basename(file)), { preserveTimestamps: true });
  const emulation = isHost(platform) ? [] : await emulationLines(platform);
  const script = [...emulation, enter(options)].join('\n');
  return {
    start(command) {
      const namespaces = ['--mount', '--pid', '--fork', '--kill-child'];
      if (!isHost(platform)) namespaces.push('--user', '--map-root-user');
      const words = [...refuserWords(options.refusedCalls ?? []), ...command];
      return spawn('unshare', [...namespaces, 'sh', '-ec', script, folder, ...words], {
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      });
    },
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }),
  };
}

/** What there is in a root without a system. */
async function furnish(root: string, platform: LinuxPlatform): Promise<void> {
  const busybox = await ensureStaticBusybox(platform);
  for (const folder of ['bin', 'dev', 'etc', 'lib', 'proc', 'root', 'tmp']) await mkdir(join(root, folder));
  await chmod(join(root, 'tmp'), 0o1777);
  await copyFile(busybox, join(root, 'bin/busybox'));
  for (const applet of APPLETS) await symlink('busybox', join(root, 'bin', applet));
  const users = ['root:x:0:0:root:/root:/bin/sh', 'nobody:x:65534:65534:nobody:/nonexistent:/bin/sh'];
  await writeFile(join(root, 'etc/passwd'), `${users.join('\n')}\n`);
}

/** The script that goes in: `$0` is the folder, the rest is the command. */
function enter(options: BareRootOptions): string {
  const { system, changes = [], isReadOnly = false, hasNoSharedMemory = false, temporary, proc } = options;
  const overlay = 'lowerdir="$0/root":"$system",upperdir="$0/over/upper",workdir="$0/over/work"';
  return [
    ...(system === undefined
      ? // A mount of its own, which can be read-only.
        ['mount --bind "$0/root" "$0/root"', 'cd "$0/root"']
      : [
          `system=${shellQuoted(system)}`,
          'mount -t tmpfs over "$0/over"',
          'mkdir "$0/over/upper" "$0/over/work"',
          `mount -t overlay -o ${overlay} overlay "$0/merged"`,
          'cd "$0/merged"',
        ]),
    ...changes,
    ...(isReadOnly ? ['mount -o remount,ro,bind .'] : []),
    ...(proc === 'none' ? [] : [`mount -t proc -o ${proc ?? 'defaults'} proc proc`]),
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
    `exec ${chroot(options)} /bin/sh -c ${shellQuoted(startInside(options))} "$@"`,
  ].join('\n');
}

function chroot({ user, userNamespace }: BareRootOptions): string {
  if (userNamespace === undefined) return `chroot ${user === undefined ? '' : `--userspec=${user}`} .`;
  return `unshare --user ${userNamespace === 'root' ? '--map-root-user' : ''} --root=. --wd=.`;
}

/** The variables come last, so that nothing outside runs with them. */
function startInside({ env = {} }: BareRootOptions): string {
  const variables = Object.entries(env).map(([name, value]) => `export ${name}=${shellQuoted(value)}`);
  return ['cd /job', 'unset OLDPWD', ...variables, 'exec "$0" "$@"'].join('\n');
}
