// A job whose steps start an agent in the background, wait for it and end it, each step in a shell of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import type { E2eProcess } from '../process/started-process.ts';
import { until } from '../time/poll.ts';
import { type Card, readCard } from './job.ts';
import { openWay, type Way } from './laptop.ts';
import type { KeySecret } from './open-job.ts';
import { binary, SYSTEM_PATH, type World } from './world.ts';

export interface BackgroundJobOptions {
  /** On top of an almost empty environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

/** A job with a folder and a TMPDIR of its own; what it leaves running is ended by `close`. */
export class BackgroundJob {
  readonly id: string;
  readonly folder: string;
  readonly temporary: string;
  readonly #world: World;
  readonly #options: BackgroundJobOptions;
  #count = 0;

  private constructor(world: World, folder: string, temporary: string, options: BackgroundJobOptions) {
    this.#world = world;
    this.#options = options;
    this.folder = folder;
    this.temporary = temporary;
    this.id = folder.slice(folder.lastIndexOf('/') + 1);
  }

  static async open(world: World, options: BackgroundJobOptions = {}): Promise<BackgroundJob> {
    const [folder, temporary] = [await world.makeFolder('job'), await world.makeFolder('tmp')];
    const { uid } = options;
    if (uid !== undefined) for (const path of [folder, temporary]) await chown(path, uid, uid);
    return new BackgroundJob(world, folder, temporary, options);
  }

  /** `ws://…/agent/ID` at the world's relay. */
  get url(): string {
    return `${this.#world.relay.wsUrl}/agent/${this.id}`;
  }

  /** Where its agents are found. */
  get state(): string {
    return join(this.temporary, `converge-agents-${this.#options.uid ?? process.getuid?.()}`);
  }

  /** A step: a line of shell, with the agent's program as `$AGENT` and its URL as `$URL`. */
  step(line: string, env: Readonly<Record<string, string>> = {}): E2eProcess {
    this.#count += 1;
    return this.#world.start(`step ${this.#count} of ${this.id}: ${line.slice(0, 60)}`, ['sh', '-c', line], {
      cwd: this.folder,
      uid: this.#options.uid,
      env: {
        PATH: SYSTEM_PATH,
        HOME: this.folder,
        TMPDIR: this.temporary,
        SHELL: '/bin/sh',
        LANG: 'C.UTF-8',
        AGENT: binary('agent'),
        URL: this.url,
        ...this.#options.env,
        ...env,
      },
    });
  }

  /** A step to its end. It ends when nobody holds its output any more: an agent in the background must not. */
  async ended(line: string, env: Readonly<Record<string, string>> = {}): Promise<StepOutcome> {
    const step = this.step(line, env);
    const { code } = await step.exited;
    return { code, stdout: step.stdout, stderr: step.stderr };
  }

  /** Starts an agent in a step that is over then, and opens the way to it. */
  async start(key: KeySecret): Promise<{ readonly card: Card; readonly way: Way }> {
    return this.opened(this.step(`"$AGENT" start --authorized-keys '${key.file}.pub' "$URL"`), key);
  }

  /** The way to what a step has opened, when the step is over. */
  async opened(step: E2eProcess, key: KeySecret): Promise<{ readonly card: Card; readonly way: Way }> {
    const card = await readCard(step);
    const { code } = await step.exited;
    if (code !== 0) throw new Error(step.transcript);
    return {
      card,
      way: await openWay(this.#world, { id: this.id, job: this.folder, process: step, card }, key),
    };
  }

  /** The pids of its agents in the background; `url` is that of others of the job. */
  agents(url = this.url): readonly number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && isAgentOf(name, url))
      .map(Number);
  }

  /** Kills its one agent, and waits until it is gone. */
  async killAgent(url?: string): Promise<void> {
    const [pid, ...more] = this.agents(url);
    if (pid === undefined || more.length > 0) throw new Error(`there are ${more.length + 1} agents, or none`);
    process.kill(pid, 'SIGKILL');
    await this.untilGone(url);
  }

  /** Its last word comes a moment before its end. */
  async untilGone(url?: string): Promise<void> {
    await until('the agent is gone', () => this.agents(url).length === 0);
  }

  /** Ends what it left. */
  close(): void {
    for (const pid of this.agents()) process.kill(pid, 'SIGKILL');
  }
}

export interface StepOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Its words stand there with zeros between them, or as its title has them. */
function isAgentOf(pid: string, url: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split(/[\0 ]/);
    return words.includes('--in-background') && words.includes(url);
  } catch {
    // It is gone.
    return false;
  }
}
