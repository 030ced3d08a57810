// SFTP servers as child processes: ours on stdio, and OpenSSH's, which is the reference.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { findCommand } from '../../../deploy/build/debian-packages.ts';
import { ensureCommands } from '../machine/test-commands.ts';
import { SftpClient } from './sftp-client.ts';

/** Our server as a command for `sftp -D` and `sshfs -o ssh_command`. */
export const OUR_SERVER = [
  process.execPath,
  fileURLToPath(new URL('sftp-stdio.ts', import.meta.url)),
] as const;

/** The command of OpenSSH's server. */
export async function referenceServer(): Promise<readonly [string]> {
  await ensureCommands(['sftp-server']);
  return [findCommand('sftp-server') ?? 'sftp-server'];
}

export interface RunningServer extends AsyncDisposable {
  readonly client: SftpClient;
  readonly process: ChildProcess;
}

/** Starts a server in `cwd` and sends INIT; a `quiet` one's complaints are not shown. Disposing ends its input and waits for its exit. */
export async function startServer(
  command: readonly string[],
  cwd: string,
  { uid, quiet = false }: { uid?: number; quiet?: boolean } = {},
): Promise<RunningServer> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    cwd,
    // OpenSSH's server takes the directory it starts in for the home of its user.
    env: { ...process.env, HOME: cwd },
    stdio: ['pipe', 'pipe', quiet ? 'ignore' : 'inherit'],
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
