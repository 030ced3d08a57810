// Debian's packages: how a command that is missing gets onto this machine, or who is asked to install it.
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BuildError } from './build-error.ts';
import { runCommand } from './command.ts';

/** Debian keeps daemons, debootstrap and sftp-server here; a normal user's PATH there lacks these. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/lib/openssh'];

/** apt's own lock may be held by an upgrade in the background: minutes, not hours. */
const APT_LOCK_TIMEOUT_SECONDS = 600;
/** What waits for a lock of apt's looks this often, in milliseconds. */
const APT_LOCK_LOOK_EVERY_MS = 1_000;
/** Another program reads apt's lists anew. */
const LISTS_LOCKED = /Could not get lock/;

/**
 * Makes sure that `commands` can be run; `packages` names the package of each. What is missing is installed when this
 * process is root and apt-get is there, with one line on stderr that says so. Safe to call from several processes at once.
 * @throws BuildError `requirement_missing`, whose message is the line to type, when it cannot be installed from here;
 *   `command_failed` when apt-get fails.
 */
export async function ensureInstalled<Command extends string>(
  commands: readonly Command[],
  packages: Readonly<Record<Command, string>>,
): Promise<void> {
  const missing = commands.filter((command) => findCommand(command) === undefined);
  if (missing.length === 0) return;
  const wanted = [...new Set(missing.map((command) => packages[command]))].sort();
  if (process.getuid?.() !== 0 || findCommand('apt-get') === undefined) throw missingError(missing, wanted);

  console.error(`${missing.join(', ')} missing: installing ${wanted.join(', ')} with apt-get`);
  await installPackages(wanted);
  const absent = missing.filter((command) => findCommand(command) === undefined);
  if (absent.length > 0) throw missingError(absent, wanted);
}

/**
 * The same for what is no command, such as a library: `isThere` says whether it is.
 * @throws BuildError as `ensureInstalled` does
 */
export async function ensurePresent(
  isThere: () => Promise<boolean>,
  what: string,
  debianPackage: string,
): Promise<void> {
  if (await isThere()) return;
  if (process.getuid?.() !== 0 || findCommand('apt-get') === undefined)
    throw missingError([what], [debianPackage]);
  console.error(`${what} missing: installing ${debianPackage} with apt-get`);
  await installPackages([debianPackage]);
  if (!(await isThere())) throw missingError([what], [debianPackage]);
}

/** The path of a command that can be run, or undefined; also where Debian keeps daemons. */
export function findCommand(command: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, command)).find(isExecutable);
}

/** Whether there is a file that this process may run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What to say where nothing can be installed from here. */
export function missingError(missing: readonly string[], packages: readonly string[]): BuildError {
  const line = `sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  return new BuildError('requirement_missing', `${missing.join(', ')} missing; install with: ${line}`);
}

/** Debian packages, by apt-get as root; several processes may ask at once. `lookEveryMs` is for tests. @throws BuildError `command_failed` */
export async function installPackages(
  packages: readonly string[],
  lookEveryMs = APT_LOCK_LOOK_EVERY_MS,
): Promise<void> {
  // RUNLEVEL=1 keeps Debian's scripts from starting a daemon that was installed for a test.
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', LC_ALL: 'C.UTF-8' };
  // A lock of ours around both keeps parallel tests from colliding.
  const lock = ['-w', String(APT_LOCK_TIMEOUT_SECONDS), join(tmpdir(), 'converge-apt.lock')];
  const patience = ['-o', `DPkg::Lock::Timeout=${APT_LOCK_TIMEOUT_SECONDS}`];
  await readLists([...lock, 'apt-get', 'update', '-qq'], environment, lookEveryMs);
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  await runCommand('flock', [...lock, 'apt-get', ...patience, ...install], environment);
}

/** `apt-get update` has no lock timeout of its own: where somebody else is at it, it ends at once. `args` are those of flock. */
async function readLists(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  lookEveryMs: number,
): Promise<void> {
  const giveUpAt = performance.now() + APT_LOCK_TIMEOUT_SECONDS * 1_000;
  for (;;) {
    try {
      await runCommand('flock', args, environment);
      return;
    } catch (error) {
      if (!LISTS_LOCKED.test((error as Error).message) || performance.now() > giveUpAt) throw error;
    }
    await pause(lookEveryMs);
  }
}
