// The built agent in a job of its own, and the card that it prints for people.
import { execFile } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { promisify } from 'node:util';
import { holdFolder } from '../machine/held-folder.ts';
import type { E2eProcess } from '../process/started-process.ts';
import { binary, SYSTEM_PATH, type World } from './world.ts';

const run = promisify(execFile);

/** Line by line what the job log offers to paste. */
export interface Card {
  readonly getWsproxy: string;
  /** `./wsproxy ssh "URL"`. */
  readonly shell: string;
  /** What that line runs, as `--print` shows it, with the wsproxy of the folder. */
  readonly ssh: string;
  readonly sftp: string;
  readonly scp: string;
  readonly getTcptows: string;
  readonly tcptows: string;
  readonly sshThroughTcptows: string;
  /** Undefined where keys are asked for. */
  readonly password: string | undefined;
  /** The link for a browser; undefined where the relay has no page. */
  readonly terminal: string | undefined;
  /** `SHA256:…` of the host key. */
  readonly fingerprint: string;
}

export interface JobOptions {
  /** By default `job-N`. */
  readonly id?: string;
  /** `ws://HOST:PORT` of another relay than the world's. */
  readonly relay?: string;
  readonly args?: readonly string[];
  /** On top of an almost empty environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** True for an agent that outlives its clients. */
  readonly held?: boolean;
  /** The user to run it, where this process may choose. */
  readonly uid?: number | undefined;
  /** The words of a program that becomes the agent: what follows them is its command line. */
  readonly through?: readonly [string, ...string[]];
}

export interface E2eAgent {
  readonly id: string;
  readonly process: E2eProcess;
  /** Where the job works: the agent, its sessions and its `.hold`. */
  readonly job: string;
  readonly card: Card;
}

/** Starts an agent without waiting for anything. */
export async function launchAgent(
  world: World,
  { id, relay = world.relay.wsUrl, args = [], env = {}, held = false, uid, through }: JobOptions,
): Promise<Omit<E2eAgent, 'card'>> {
  const job = await world.makeFolder('job');
  if (held) await holdFolder(job);
  if (uid !== undefined) await chown(job, uid, uid);
  const name = id ?? job.slice(job.lastIndexOf('/') + 1);
  const started = world.start(
    `agent ${name}`,
    [...(through ?? ['env']), binary('agent'), ...args, `${relay}/agent/${name}`],
    {
      cwd: job,
      env: { PATH: SYSTEM_PATH, HOME: job, SHELL: '/bin/bash', LANG: 'C.UTF-8', PS1: '$ ', ...env },
      uid,
    },
  );
  return { id: name, process: started, job };
}

/** Starts an agent and waits for its card. */
export async function startAgent(world: World, options: JobOptions = {}): Promise<E2eAgent> {
  const launched = await launchAgent(world, options);
  return { ...launched, card: await readCard(launched.process) };
}

/** Reads the card as soon as it is complete. */
export async function readCard(agent: E2eProcess): Promise<Card> {
  await agent.see(/^A file \.hold .*$/m);
  const find = (pattern: RegExp): string => {
    const [, found] = pattern.exec(agent.stdout) ?? [];
    if (found === undefined) throw new Error(`no line of the card is like ${pattern}:\n${agent.stdout}`);
    return found;
  };
  const shell = find(/^ {2}(\.\/wsproxy ssh .*)$/m);
  const { stdout: ssh } = await run('sh', [
    '-c',
    shell.replace('./wsproxy ssh', '"$0" ssh --print'),
    binary('wsproxy'),
  ]);
  return {
    getWsproxy: find(/^ {2}(curl .* wsproxy)$/m),
    shell,
    ssh: ssh.trimEnd().replace(binary('wsproxy'), './wsproxy'),
    sftp: find(/^ {2}(\.\/wsproxy sftp .*)$/m),
    scp: find(/^ {2}(\.\/wsproxy scp .*)$/m),
    getTcptows: find(/^ {2}(curl .* tcptows)$/m),
    tcptows: find(/^ {2}(\.\/tcptows .*)$/m),
    sshThroughTcptows: find(/^ {2}(ssh .* -p .*)$/m),
    password: /^Password:\n {2}(\S+)$/m.exec(agent.stdout)?.[1],
    terminal: /^ {2}(https?:\/\/\S+\/terminal\/\S+)$/m.exec(agent.stdout)?.[1],
    fingerprint: /#(SHA256:[A-Za-z0-9+/]{43})/.exec(shell)?.[1] ?? '',
  };
}
