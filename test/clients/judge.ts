// The judge: Debian's sshd with a configuration, keys and an /etc/passwd of its own.
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findCommand } from '../../deploy/build/debian-packages.ts';
import { SYSTEM_PATH, type World } from '../support/laptop/world.ts';
import { freePort } from '../support/network/ports.ts';
import { makeKeyFile } from '../support/ssh/key-file.ts';
import { PASSWORD, type Target, USER } from './target.ts';

const run = promisify(execFile);

/** sshd tells where it listens in its log alone. */
const LISTENING = /^Server listening on 127\.0\.0\.1 port/m;

/** Its own view of the two files, so that the user has the home and the password of the run; gone with the process. */
const APART = [
  'mount --bind "$0/passwd" /etc/passwd',
  'mount --bind "$0/shadow" /etc/shadow',
  'exec "$@"',
].join(' && ');

/** Starts it; sessions begin in `home`, and `publicKey` is the file of who may enter. */
export async function startJudge(world: World, home: string, publicKey: string): Promise<Target> {
  const folder = await world.makeFolder('sshd');
  const port = await freePort();
  const hostKey = join(folder, 'host-key');
  await makeKeyFile(hostKey);
  await writeFile(join(folder, 'config'), configuration(port, hostKey, publicKey));
  await writeAccounts(folder, home);
  await mkdir('/run/sshd', { recursive: true });

  const sshd = [findCommand('sshd') ?? 'sshd', '-D', '-e', '-f', join(folder, 'config')];
  // A slave: what is mounted outside later is seen, what is mounted here stays here.
  const apart = ['unshare', '--mount', '--propagation', 'slave', 'sh', '-c', APART, folder] as const;
  const started = world.start('sshd', [...apart, ...sshd], { cwd: home, env: { PATH: SYSTEM_PATH } });
  await started.see(LISTENING);
  const { stdout } = await run('ssh-keygen', ['-l', '-f', `${hostKey}.pub`]);
  const fingerprint = stdout.split(' ')[1] ?? '';
  return { name: 'sshd', home, port, passwordPort: port, fingerprint, passwordFingerprint: fingerprint };
}

/** As Debian has it, but for what the deeds need to be let: a password, root, any variable, many at once. */
function configuration(port: number, hostKey: string, publicKey: string): string {
  return `ListenAddress 127.0.0.1
Port ${port}
HostKey ${hostKey}
AuthorizedKeysFile ${publicKey}
StrictModes no
PidFile none
UsePAM no
PermitRootLogin yes
PasswordAuthentication yes
PrintMotd no
PrintLastLog no
AcceptEnv *
MaxSessions 500
MaxStartups 500
Subsystem sftp ${findCommand('sftp-server') ?? 'sftp-server'}
`;
}

async function writeAccounts(folder: string, home: string): Promise<void> {
  const accounts = await readFile('/etc/passwd', 'utf8');
  const own = `${USER}:x:0:0:root:${home}:/bin/bash`;
  await writeFile(join(folder, 'passwd'), accounts.replace(/^root:.*$/m, own));
  const { stdout: hash } = await run('openssl', ['passwd', '-6', PASSWORD]);
  await writeFile(join(folder, 'shadow'), `${USER}:${hash.trim()}:19000:0:99999:7:::\n`, { mode: 0o600 });
}
