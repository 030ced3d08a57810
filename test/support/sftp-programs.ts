// SFTP servers as child processes: ours on stdio, and OpenSSH's, which is the reference.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SftpClient } from './sftp-client.ts';

/** Our server as a command for `sftp -D` and `sshfs -o ssh_command`. */
export const OUR_SERVER = [
  process.execPath,
  fileURLToPath(new URL('sftp-stdio.ts', import.meta.url)),
] as const;

const REFERENCE_PATH = '/usr/lib/openssh/sftp-server';

/** The command of OpenSSH's server; installs Debian's package where it is missing and this is root. */
export function referenceServer(): readonly [string] {
  ensureInstalled(REFERENCE_PATH, 'openssh-sftp-server');
  return [REFERENCE_PATH];
}

/** Makes sure that the file of a Debian package is there; throws with the line that installs it. */
export function ensureInstalled(path: string, debianPackage: string): void {
  if (existsSync(path)) {
    return;
  }
  const line = `apt-get install -y --no-install-recommends ${debianPackage}`;
  if (process.getuid?.() !== 0) {
    throw new Error(`${path} is missing: run "sudo ${line}"`);
  }
  console.log(`${path} is missing: ${line}`);
  execFileSync('sh', ['-c', `apt-get update && ${line}`], { stdio: 'inherit' });
}

export interface RunningServer extends AsyncDisposable {
  client: SftpClient;
  process: ChildProcess;
}

/** Starts a server in `cwd` and sends INIT. Disposing ends its input and waits for its exit. */
export async function startServer(
  command: readonly string[],
  cwd: string,
  { uid }: { uid?: number } = {},
): Promise<RunningServer> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    cwd,
    // OpenSSH's server takes the directory it starts in for the home of its user.
    env: { ...process.env, HOME: cwd },
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const exited = once(child, 'exit');
  const client = new SftpClient(child.stdout, child.stdin);
  await client.init();
  return {
    client,
    process: child,
    async [Symbol.asyncDispose]() {
      client.end();
      await exited;
    },
  };
}
