// A real agent and a real ssh through the mesh, both from the sources: a person types lines, and a `cat` in the job answers.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { holdFolder } from '../machine/held-folder.ts';
import { ensureCommands } from '../machine/test-commands.ts';
import { cleanEnvironment, commandOf } from '../process/client-program.ts';
import { type E2eProcess, startProcess } from '../process/started-process.ts';
import { makeKeyFile } from '../ssh/key-file.ts';
import { until } from '../time/poll.ts';

const AGENT = fileURLToPath(new URL('../../../services/agent/main.ts', import.meta.url));

/** Through all that a test does to the pods in between. */
const ECHO_WITHIN_MS = 60_000;

export class SshLine implements AsyncDisposable {
  readonly agent: E2eProcess;
  readonly ssh: E2eProcess;
  readonly #folder: string;
  #said = '';

  constructor(agent: E2eProcess, ssh: E2eProcess, folder: string) {
    this.agent = agent;
    this.ssh = ssh;
    this.#folder = folder;
  }

  /** Types a line, and waits until all that was typed has been answered, once and in order. */
  async say(line: string): Promise<void> {
    this.#said += `${line}\n`;
    this.ssh.child.stdin?.write(`${line}\n`);
    await until(
      `the answer to ${line}`,
      () => {
        if (!this.ssh.isRunning) throw new Error(`ssh ended:\n${this.ssh.transcript}`);
        return this.ssh.stdout.length >= this.#said.length;
      },
      ECHO_WITHIN_MS,
    );
    if (this.ssh.stdout !== this.#said)
      throw new Error(`not what was typed:\n${this.ssh.stdout.slice(-500)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of [this.ssh, this.agent]) running.kill('SIGKILL');
    await Promise.all([this.ssh.exited, this.agent.exited]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Starts both, to and from the relay on `port`. */
export async function openSshLine(port: number, id: string): Promise<SshLine> {
  await ensureCommands(['ssh', 'ssh-keygen']);
  const folder = await mkdtemp(join(tmpdir(), 'converge-mesh-'));
  const key = join(folder, 'key');
  await makeKeyFile(key);
  await holdFolder(folder);
  const options = { cwd: folder, env: { ...cleanEnvironment(), SHELL: '/bin/sh' } };
  const relay = `ws://127.0.0.1:${port}`;
  const agent = startProcess(
    `agent ${id}`,
    [process.execPath, AGENT, '--authorized-keys', `${key}.pub`, `${relay}/agent/${id}`],
    options,
  );
  await agent.see(/wsproxy ssh /);
  const settings = [
    `ProxyCommand=${commandOf('wsproxy')} ${relay}/client/${id}`,
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'BatchMode=yes',
    'IdentitiesOnly=yes',
  ];
  const words = settings.flatMap((setting) => ['-o', setting]);
  const ssh = startProcess(
    `ssh ${id}`,
    ['ssh', '-F', 'none', ...words, '-i', key, `abc@${id}`, 'cat'],
    options,
  );
  return new SshLine(agent, ssh, folder);
}
