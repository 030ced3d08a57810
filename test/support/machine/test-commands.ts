// Test commands: what the tests run beyond what the build does, and the Debian packages that bring it.
import { BUILD_PACKAGES } from '../../../deploy/build/build-commands.ts';
import { ensureInstalled } from '../../../deploy/build/debian-packages.ts';

const PACKAGES = {
  ...BUILD_PACKAGES,
  busybox: 'busybox',
  chromium: 'chromium',
  curl: 'curl',
  dash: 'dash',
  dbclient: 'dropbear-bin',
  debootstrap: 'debootstrap',
  docker: 'docker.io',
  dockerd: 'docker.io',
  dropbearconvert: 'dropbear-bin',
  'firefox-esr': 'firefox-esr',
  fusermount3: 'fuse3',
  git: 'git',
  groovy: 'groovy',
  haproxy: 'haproxy',
  ip: 'iproute2',
  java: 'default-jre-headless',
  mksh: 'mksh',
  nginx: 'nginx',
  openssl: 'openssl',
  perl: 'perl',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  plink: 'putty-tools',
  python3: 'python3',
  'qemu-aarch64-static': 'qemu-user-static',
  'qemu-x86_64-static': 'qemu-user-static',
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
  tmux: 'tmux',
  top: 'procps',
  vim: 'vim',
  wget: 'wget',
  wine: 'wine',
  wineserver: 'wine',
  yash: 'yash',
  zsh: 'zsh',
} as const;

export type TestCommand = keyof typeof PACKAGES;

/** All that any test may need, and the build before it. */
export const TEST_COMMANDS = Object.keys(PACKAGES) as readonly TestCommand[];

/** Makes sure that `commands` can be run. @throws BuildError as `ensureInstalled` does */
export async function ensureCommands(commands: readonly TestCommand[]): Promise<void> {
  await ensureInstalled(commands, PACKAGES);
}
