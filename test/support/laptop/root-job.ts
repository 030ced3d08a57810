// A job in a root of its own, with its agent, and the person at a laptop who was given the card's line.
import { type ChildProcessWithoutNullStreams, execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { hostPlatform } from '../../../deploy/build/linux-platform.ts';
import { DIST, PLATFORM } from '../../../deploy/build/source-tree.ts';
import { type BareRootOptions, openBareRoot } from '../machine/bare-root.ts';
import { holdFolder } from '../machine/held-folder.ts';
import { ensureCommands } from '../machine/test-commands.ts';
import { makeKeyFile } from '../ssh/key-file.ts';

/** A folder with `wsproxy` and a key. */
export interface RootLaptop extends AsyncDisposable {
  readonly folder: string;
}

export async function openRootLaptop(): Promise<RootLaptop> {
  await ensureCommands(['ssh', 'ssh-keygen', 'sftp']);
  const folder = await mkdtemp(join(tmpdir(), 'converge-laptop-'));
  await symlink(join(DIST, 'bin', `wsproxy-${PLATFORM}`), join(folder, 'wsproxy'));
  await makeKeyFile(join(folder, 'key'));
  return { folder, [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }) };
}

export interface RootJob extends AsyncDisposable {
  /** What it has said, until now. */
  readonly said: () => string;
  /** Runs a command in a session and gives its stdout. */
  readonly ssh: (remote: string, more?: string) => Promise<string>;
  /** Copies the agent's own file to the laptop, then to `path` and back where there is one; whether what arrived is the same. */
  readonly copies: (path?: string) => Promise<boolean>;
  /** Has the agent end by a command in a session; resolves to its exit code, or its signal. */
  readonly endBy: (remote: string) => Promise<number | string | null>;
}

export interface RootJobOptions extends BareRootOptions {
  readonly laptop: RootLaptop;
  /** http://HOST:PORT. */
  readonly relay: string;
  readonly id: string;
  /** Of our programs, what is beside the agent. */
  readonly beside?: readonly string[];
}

/** How the agent ended instead of letting somebody in. */
export interface EndedEarly {
  readonly kind: 'ended';
  readonly code: number | null;
  readonly said: string;
}

/** Starts the agent, and resolves once the card is there, or it has ended. */
export async function startRootJob(
  options: RootJobOptions,
): Promise<EndedEarly | { readonly kind: 'open'; readonly job: RootJob }> {
  const { laptop, relay, id, beside = [], platform = hostPlatform() } = options;
  const agentFile = `agent-${platform.name}`;
  // For each job anew: many come from one laptop, and a hold that is older than its agent is none.
  await holdFolder(laptop.folder);
  const own = ['key.pub', '.hold'].map((name) => join(laptop.folder, name));
  const programs = ['agent', ...beside].map((name) => join(DIST, 'bin', `${name}-${platform.name}`));
  const root = await openBareRoot([...programs, ...own], options);
  const url = `${relay.replace('http', 'ws').replace('localhost', '127.0.0.1')}/agent/${id}`;
  const agent = root.start([`./${agentFile}`, url, '--authorized-keys', 'key.pub', '--user', 'abc']);
  let said = '';
  agent.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(agent, 'close').then(([code, signal]) => (code ?? signal) as number | string | null);
  const line = await readCard(agent, (text) => {
    said += text;
  });
  if (line === undefined) {
    const code = await ended;
    await root[Symbol.asyncDispose]();
    return { kind: 'ended', code: typeof code === 'number' ? code : null, said };
  }
  const identity = '-F none -i key -o IdentitiesOnly=yes -o BatchMode=yes';
  const onLaptop = async (command: string): Promise<string> =>
    (await promisify(execFile)('sh', ['-c', command], { cwd: laptop.folder })).stdout;
  const ssh = async (remote: string, more = ''): Promise<string> =>
    await onLaptop(`${line} ${identity} ${more} '${remote}'`);
  const sftp = `${line.replace(' ssh ', ' sftp ')} ${identity} -b -`;
  const job: RootJob = {
    said: () => said,
    ssh,
    async copies(path) {
      const wanted = await readFile(join(DIST, 'bin', agentFile));
      const back = path === undefined ? '' : `put ${agentFile} ${path}\\nget ${path} back\\n`;
      await onLaptop(`printf "get ${agentFile}\\n${back}" | ${sftp}`);
      const names = path === undefined ? [agentFile] : [agentFile, 'back'];
      const got = await Promise.all(names.map((name) => readFile(join(laptop.folder, name))));
      for (const name of names) await rm(join(laptop.folder, name));
      return got.every((bytes) => bytes.equals(wanted));
    },
    async endBy(remote) {
      await ssh(remote).catch(() => undefined);
      return await ended;
    },
    [Symbol.asyncDispose]: async () => {
      agent.kill('SIGKILL');
      await ended;
      await root[Symbol.asyncDispose]();
    },
  };
  return { kind: 'open', job };
}

/** The card's line for a shell, as soon as it is there; undefined if stdout ends before. */
async function readCard(
  agent: ChildProcessWithoutNullStreams,
  hear: (text: string) => void,
): Promise<string | undefined> {
  for await (const line of createInterface(agent.stdout)) {
    hear(`${line}\n`);
    const command = /^\s*(\.\/wsproxy ssh .*)$/.exec(line)?.[1];
    if (command === undefined) continue;
    agent.stdout.resume();
    return command;
  }
  return undefined;
}
