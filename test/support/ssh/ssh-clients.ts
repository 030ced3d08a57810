// SSH clients other than OpenSSH's: Debian's paramiko, asyncssh and dropbear.
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { installPackages } from '../../../deploy/build/debian-packages.ts';
import { ensureCommands } from '../machine/test-commands.ts';
import { CLIENT_ENV, outcomeOf, type SshHost, type SshOutcome } from './ssh-host.ts';

/** Debian's own, which the libraries are for; another may come first in PATH. */
const PYTHON = '/usr/bin/python3';

const PRELUDE = {
  /** `client` is connected with the host's key. */
  paramiko: `
import sys, paramiko
port, key = int(sys.argv[1]), sys.argv[2]
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
def login():
    client.connect('127.0.0.1', port, 'abc', pkey=paramiko.Ed25519Key.from_private_key_file(key),
                   look_for_keys=False, allow_agent=False)
`,
  /** `login(key, OPTION=…)` gives a connection. */
  asyncssh: `
import sys, asyncio, warnings
warnings.simplefilter('ignore')
import asyncssh
port, key = int(sys.argv[1]), sys.argv[2]
def login(key=key, **options):
    return asyncssh.connect('127.0.0.1', port, username='abc', client_keys=[key], known_hosts=None, agent_path=None, config=None, **options)
`,
} as const;

/** Runs a script of Python after the library's prelude, which defines `port`, `key` and `login`. */
export async function runPython(
  library: keyof typeof PRELUDE,
  host: SshHost,
  script: string,
): Promise<SshOutcome> {
  const isThere = spawnSync(PYTHON, ['-W', 'ignore', '-c', `import ${library}`]).status === 0;
  if (!isThere) await installPackages([`python3-${library}`]);
  const args = ['-W', 'ignore', '-c', PRELUDE[library] + script, String(host.port), host.keyFile];
  return outcomeOf(spawn(PYTHON, args, { env: CLIENT_ENV }));
}

export interface DropbearOptions {
  /** Instead of the host's key. */
  readonly password?: string;
}

/** Runs a command by dropbear's client. */
export async function runDropbear(
  host: SshHost,
  command: string,
  { password }: DropbearOptions = {},
): Promise<SshOutcome> {
  await ensureCommands(['dbclient', 'dropbearconvert']);
  const key = path.join(host.folder, 'dropbear-key');
  spawnSync('dropbearconvert', ['openssh', 'dropbear', host.keyFile, key]);
  const identity = password === undefined ? ['-i', key] : [];
  const env = { ...CLIENT_ENV, HOME: host.folder, DROPBEAR_PASSWORD: password ?? '' };
  const args = ['-y', '-y', '-T', ...identity, '-p', String(host.port), 'abc@127.0.0.1', command];
  return outcomeOf(spawn('dbclient', args, { env }));
}
