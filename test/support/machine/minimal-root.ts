// Minimal roots: Debian 12 with no Node and nothing else to spare, in which the binaries must run; and other Debians.
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { access, chmod, cp, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { type CollectedOutput, collectOutput } from './collected-output.ts';
import { ensureCommands } from './test-commands.ts';
import { type BootstrapWords, findUbuntu } from './ubuntu-archive.ts';

/** For caches of the machine, and for root only: no cleaner of /tmp takes half of it away, and nobody else puts one there. */
const CACHE_FOLDER = '/var/cache/converge';
/** Made once and kept for later runs. A new way of making them gets a new number. */
const CACHE_PREFIX = join(CACHE_FOLDER, 'minimal-root-');
const CACHE_SUFFIX = `${process.arch}-1`;
/** One that is being made; it is renamed when it is complete, so the cache is never half a root. */
const PART_MARK = '.part-';
/** Making one takes half a minute on a quick network: a part this old belongs to a run that died. */
const PART_STALE_AFTER_MS = 30 * 60_000;
/** debootstrap names every package several times. */
const DEBOOTSTRAP_OUTPUT_BYTES = 16 * 2 ** 20;

/**
 * Mounts that vanish with the last process of the command, however it ends, since they are in a namespace of their own;
 * so do the processes. `$0` is the root, the rest is the command.
 */
const ENTER = [
  'mount -t proc proc "$0/proc"',
  'mount -t devpts -o newinstance,ptmxmode=0666 devpts "$0/dev/pts"',
  'mount --bind "$0/dev/pts/ptmx" "$0/dev/ptmx"',
  'exec chroot "$0" "$@"',
].join(' && ');

/** Which root: a suite of Debian or Ubuntu, and what is in it beyond the minimum. */
export interface RootSystem {
  readonly suite: 'bookworm' | 'bullseye' | 'noble' | 'trixie';
  readonly packages: readonly string[];
}

/** The root, for one test file. What is put into it is gone when it is closed; the system in it is shared and kept. */
export interface MinimalRoot extends AsyncDisposable {
  /** The folder, as it is called inside, that is the working directory of commands and holds what is put. */
  readonly folder: string;
  /** Copies a file into that folder and returns its path inside. */
  put(file: string): Promise<string>;
  /** The path outside of what is `path` inside. */
  outside(path: string): string;
  /** Starts a command inside, with the network of the machine and an almost empty environment. */
  start(command: readonly string[], environment?: Record<string, string>): ChildProcessWithoutNullStreams;
  /** Runs a command inside to its end, with no input. */
  run(command: readonly string[]): Promise<CollectedOutput>;
}

/**
 * Opens the root, and makes it with debootstrap first if this machine has none yet.
 * @throws Error when this process is not root, or apt knows no Debian mirror.
 */
export async function openMinimalRoot(): Promise<MinimalRoot> {
  const root = await ensureRoot({ suite: 'bookworm', packages: [] });
  const folder = await mkdtemp(join(root, 'srv', 'test-'));
  const inside = (path: string) => path.slice(root.length);
  const start: MinimalRoot['start'] = (command, environment = {}) => {
    const namespaces = ['--mount', '--pid', '--fork', '--kill-child'];
    const env = {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      ...environment,
    };
    const here = ['sh', '-c', 'cd "$0" && exec "$@"', inside(folder)];
    return spawn('unshare', [...namespaces, 'sh', '-c', ENTER, root, ...here, ...command], { env });
  };
  return {
    folder: inside(folder),
    put: async (file) => {
      const path = join(folder, basename(file));
      await cp(file, path, { preserveTimestamps: true });
      return inside(path);
    },
    outside: (path) => join(root, path),
    start,
    run: async (command) => await collectOutput(start(command)),
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }),
  };
}

/**
 * The folder of a root, made with debootstrap first if this machine has none yet. It is shared with other runs: what is
 * done in it is done to all of them.
 * @throws Error when this process is not root, or apt knows no Debian mirror.
 */
export async function ensureRoot(system: RootSystem): Promise<string> {
  if (process.getuid?.() !== 0) throw new Error('a chroot needs root: run it with sudo');
  const name = [system.suite, ...system.packages].join('-');
  const root = `${CACHE_PREFIX}${name}-${CACHE_SUFFIX}`;
  if (!(await exists(root))) await makeRoot(system, root);
  return root;
}

async function makeRoot({ suite, packages }: RootSystem, root: string): Promise<void> {
  await ensureCommands(['debootstrap']);
  await mkdir(CACHE_FOLDER, { recursive: true });
  await removeStaleParts();
  const part = await mkdtemp(`${root}${PART_MARK}`);
  const keys = await mkdtemp(`${root}${PART_MARK}keys-`);
  try {
    const debian = async (): Promise<BootstrapWords> => ({ before: [], after: [await findMirror()] });
    const { before, after } = suite === 'noble' ? await findUbuntu(keys) : await debian();
    console.error(`making a minimal root in ${root} (once)`);
    const include = packages.length > 0 ? [`--include=${packages.join(',')}`] : [];
    const words = ['--variant=minbase', ...include, ...before, suite, part, ...after];
    await promisify(execFile)('debootstrap', words, { maxBuffer: DEBOOTSTRAP_OUTPUT_BYTES });
    // mkdtemp made it for root alone; the root of a system is for everybody in it.
    await chmod(part, 0o755);
    await rename(part, root);
  } catch (error) {
    // Another run may have been quicker: then its root is as good.
    if (!(await exists(root))) throw error;
  } finally {
    for (const folder of [part, keys]) await rm(folder, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

async function removeStaleParts(): Promise<void> {
  for (const name of await readdir(CACHE_FOLDER)) {
    const path = join(CACHE_FOLDER, name);
    if (!path.startsWith(CACHE_PREFIX) || !path.includes(PART_MARK)) continue;
    // Another run may rename or remove it right now.
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > PART_STALE_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}

/** The Debian mirror that apt on this machine uses already. */
export async function findMirror(): Promise<string> {
  const format = '$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)';
  const { stdout } = await promisify(execFile)('apt-get', [
    'indextargets',
    '--format',
    format,
    'Created-By: Packages',
  ]);
  // "Debian main bookworm https://…"; a code name with a suffix is for updates, which have no base system.
  const mirror = /^Debian main [a-z]+ (\S+)$/m.exec(stdout)?.[1];
  if (mirror === undefined)
    throw new Error('apt knows no Debian mirror: add one to /etc/apt/sources.list.d and run apt-get update');
  return mirror;
}
