// Requirements: the commands beyond Node that the build and the tests use, and the Debian packages that bring them.
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { BuildError } from './build-error.ts';
import { runCommand } from './command.ts';

const PACKAGES = {
  chromium: 'chromium',
  curl: 'curl',
  dbclient: 'dropbear-bin',
  debootstrap: 'debootstrap',
  docker: 'docker.io',
  dockerd: 'docker.io',
  dropbearconvert: 'dropbear-bin',
  fusermount3: 'fuse3',
  'g++': 'g++',
  haproxy: 'haproxy',
  nginx: 'nginx',
  openssl: 'openssl',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'redis-server': 'redis-server',
  rsync: 'rsync',
  scp: 'openssh-client',
  sftp: 'openssh-client',
  'sftp-server': 'openssh-sftp-server',
  ssh: 'openssh-client',
  'ssh-add': 'openssh-client',
  'ssh-agent': 'openssh-client',
  'ssh-keygen': 'openssh-client',
  sshd: 'openssh-server',
  sshfs: 'sshfs',
  strip: 'binutils',
  tar: 'tar',
  tmux: 'tmux',
  top: 'procps',
  unzip: 'unzip',
  vim: 'vim',
} as const;

export type RequiredCommand = keyof typeof PACKAGES;

/** All that anything here may need. */
export const COMMANDS = Object.keys(PACKAGES) as readonly RequiredCommand[];

/** Debian keeps daemons, debootstrap and sftp-server here; a normal user's PATH there lacks these. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/lib/openssh'];

/** apt's own lock may be held by an upgrade in the background: minutes, not hours. */
const APT_LOCK_TIMEOUT_SECONDS = 600;

/**
 * Makes sure that `commands` can be run. What is missing is installed from Debian's packages when this process is root
 * and apt-get is there, with one line on stderr that says so. Safe to call from several processes at once.
 * @throws BuildError `requirement_missing`, whose message is the line to type, when it cannot be installed from here;
 *   `command_failed` when apt-get fails.
 */
export async function ensureCommands(commands: readonly RequiredCommand[]): Promise<void> {
  const missing = commands.filter((command) => findCommand(command) === undefined);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((command) => PACKAGES[command]))].sort();
  if (process.getuid?.() !== 0 || findCommand('apt-get') === undefined) throw missingError(missing, packages);

  console.error(`${missing.join(', ')} missing: installing ${packages.join(', ')} with apt-get`);
  await installPackages(packages);
  const absent = missing.filter((command) => findCommand(command) === undefined);
  if (absent.length > 0) throw missingError(absent, packages);
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

function missingError(missing: readonly string[], packages: readonly string[]): BuildError {
  const line = `sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  return new BuildError('requirement_missing', `${missing.join(', ')} missing; install with: ${line}`);
}

/** Debian packages, by apt-get as root; several processes may ask at once. @throws BuildError `command_failed` */
export async function installPackages(packages: readonly string[]): Promise<void> {
  // RUNLEVEL=1 keeps Debian's scripts from starting a daemon that was installed for a test.
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', LC_ALL: 'C.UTF-8' };
  // apt-get update has no lock timeout of its own: a lock of ours around both keeps parallel tests from colliding.
  const lock = ['-w', String(APT_LOCK_TIMEOUT_SECONDS), join(tmpdir(), 'converge-apt.lock')];
  const patience = ['-o', `DPkg::Lock::Timeout=${APT_LOCK_TIMEOUT_SECONDS}`];
  await runCommand('flock', [...lock, 'apt-get', 'update', '-qq'], environment);
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  await runCommand('flock', [...lock, 'apt-get', ...patience, ...install], environment);
}
