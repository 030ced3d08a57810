// The two hosts that ssh and sftp are measured against: our agent through a relay, and OpenSSH's sshd direct.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { findCommand } from '../../../deploy/build/debian-packages.ts';
import { DIST, PLATFORM } from '../../../deploy/build/source-tree.ts';
import { holdFolder } from '../machine/held-folder.ts';
import { freePort } from '../network/ports.ts';
import { type Command, type E2eProcess, prefixed, startProcess } from '../process/started-process.ts';
import { makeKeyFile } from './key-file.ts';

const SFTP_SERVER = '/usr/lib/openssh/sftp-server';

/** The same cipher on both: the agent's first. Nothing of the person's own configuration takes part. */
const COMMON_OPTIONS = [
  'LogLevel=ERROR',
  'IdentitiesOnly=yes',
  'StrictHostKeyChecking=no',
  'UserKnownHostsFile=/dev/null',
  // From 9.5 on ssh sends keys at fixed times; older ones do not know the option.
  'IgnoreUnknown=ObscureKeystrokeTiming',
  'ObscureKeystrokeTiming=no',
  'Ciphers=aes128-gcm@openssh.com',
].flatMap((option) => ['-o', option]);

/** Whose key is in `folder`. */
function optionsIn(folder: string): string[] {
  return ['-F', 'none', '-i', join(folder, 'key'), ...COMMON_OPTIONS];
}

export interface Sshd {
  readonly name: string;
  /** Options of `ssh` and `sftp`. */
  readonly options: readonly string[];
  /** USER@HOST. */
  readonly destination: string;
  /** Of what serves it, where that is one process. */
  readonly pid: number;
}

/** A folder with a key pair of the person, removed with `stack`; in memory if the machine has such a folder. */
export async function makeKeyFolder(stack: AsyncDisposableStack): Promise<string> {
  const parent = process.platform === 'linux' ? '/dev/shm' : tmpdir();
  const folder = await mkdtemp(join(parent, 'converge-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  await makeKeyFile(join(folder, 'key'));
  await mkdir(join(folder, 'job'));
  return folder;
}

/** Where a server runs: its address, and what comes before its command. */
export interface Place {
  readonly address: string;
  readonly prefix: readonly string[];
}

/** OpenSSH's own server on a port of its own, with a configuration of its own. */
export async function startSshd(
  stack: AsyncDisposableStack,
  folder: string,
  settings: readonly string[] = [],
  { address, prefix }: Place = { address: '127.0.0.1', prefix: [] },
): Promise<Sshd & { readonly port: number; readonly said: () => string }> {
  const port = await freePort();
  const hostKey = join(folder, 'host-key');
  await makeKeyFile(hostKey);
  // Run as root it insists on this folder, which Debian's init script makes.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true });
  const file = join(folder, 'sshd_config');
  const lines = [
    `Port ${port}`,
    `ListenAddress ${address}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${folder}/key.pub`,
    'StrictModes no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'UsePAM no',
    'PidFile none',
    `Subsystem sftp ${SFTP_SERVER}`,
    ...settings,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const command = prefixed(prefix, [findCommand('sshd') ?? 'sshd', '-D', '-e', '-f', file]);
  const sshd = start(stack, 'sshd', command, folder);
  await sshd.see(/Server listening on /);
  return {
    name: 'sshd',
    options: [...optionsIn(folder), '-o', `Port=${port}`],
    destination: `${userInfo().username}@${address}`,
    pid: sshd.child.pid ?? 0,
    port,
    said: () => sshd.stderr,
  };
}

export interface BenchAgentOptions {
  readonly wsUrl: string;
  /** Where clients reach it; by default where it is. */
  readonly clientUrl?: string;
  readonly id?: string;
  /** What comes before its command. */
  readonly prefix?: readonly string[];
}

/** The built agent, which lives until `stack` ends. */
export async function startBenchAgent(
  stack: AsyncDisposableStack,
  folder: string,
  { wsUrl, clientUrl = wsUrl, id = 'bench', prefix = [] }: BenchAgentOptions,
): Promise<Sshd> {
  const job = join(folder, 'job');
  // It outlives its clients.
  await holdFolder(job);
  const args = ['--authorized-keys', join(folder, 'key.pub'), `${wsUrl}/agent/${id}`];
  const command = prefixed(prefix, [join(DIST, `bin/agent-${PLATFORM}`), ...args]);
  const agent = start(stack, 'agent', command, job);
  await agent.see(/^A file \.hold .*$/m);
  const proxy = `${join(DIST, `bin/wsproxy-${PLATFORM}`)} ${clientUrl}/client/${id}`;
  return {
    name: 'ours',
    options: [...optionsIn(folder), '-o', `ProxyCommand=${proxy}`],
    destination: `abc@${id}`,
    pid: agent.child.pid ?? 0,
  };
}

/** Starts a program that ends with `stack`. */
export function start(stack: AsyncDisposableStack, name: string, command: Command, cwd: string): E2eProcess {
  const { PATH = '', HOME = '/' } = process.env;
  const env = { PATH, HOME, SHELL: '/bin/sh', TERM: 'xterm', LANG: 'C.UTF-8' };
  const started = startProcess(name, command, { cwd, env });
  stack.defer(async () => {
    started.kill('SIGKILL');
    await started.exited;
  });
  return started;
}
