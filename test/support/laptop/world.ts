// The world of an end-to-end test file: a built relay, the agents and the laptops around it, and the end of them all.
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { DIST, PLATFORM } from '../../../deploy/build/source-tree.ts';
import { ensureCommands, type TestCommand } from '../machine/test-commands.ts';
import { type E2eProcess, type ProcessOptions, startProcess } from '../process/started-process.ts';
import { openTerminal, type Terminal } from '../ssh/ssh-terminal.ts';

/** An agent says goodbye within this time, in milliseconds; whoever does not is killed. */
const GOODBYE_WITHIN_MS = 5_000;

/** PATH of everything that is started: nothing of the project's own tools. */
export const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin';

/** The file of a built program. */
export function binary(name: 'agent' | 'wsproxy' | 'tcptows'): string {
  return join(DIST, 'bin', `${name}-${PLATFORM}`);
}

/** A relay on free ports of 127.0.0.1. */
export interface E2eRelay {
  /** `http://localhost:PORT`, as it tells people. */
  readonly url: string;
  /** `ws://localhost:PORT`. */
  readonly wsUrl: string;
  readonly process: E2eProcess;
}

/** Hooks open it before the first test of the file and close it after the last; a failure prints what all of it said. */
export function useWorld(commands: readonly TestCommand[] = []): World {
  const world = new World();
  beforeAll(() => world.open(commands));
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => {
      console.error(world.transcript());
    });
  });
  afterAll(() => world.close());
  return world;
}

/** Nothing is started before `open`. */
export class World {
  #processes: E2eProcess[] = [];
  readonly #terminals: { readonly name: string; readonly terminal: Terminal }[] = [];
  #folder = '';
  #relay: E2eRelay | undefined;
  #count = 0;

  /** Of this world alone; removed with it. */
  get folder(): string {
    return this.#folder;
  }

  get relay(): E2eRelay {
    if (this.#relay === undefined) throw new Error('the world is not open');
    return this.#relay;
  }

  async open(commands: readonly TestCommand[]): Promise<void> {
    await ensureCommands(['ssh', 'sftp', 'scp', 'ssh-keygen', ...commands]);
    this.#folder = await mkdtemp(join(tmpdir(), 'converge-e2e-'));
    // An agent of another user works in a folder below.
    await chmod(this.#folder, 0o711);
    try {
      this.#relay = await this.startRelay();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** May be called twice. */
  async close(): Promise<void> {
    for (const { terminal } of this.#terminals) terminal.close();
    const processes = this.#processes;
    this.#processes = [];
    // First a word, so that the agents take along what runs in their sessions.
    for (const running of processes) running.kill('SIGTERM');
    const goodbye = setTimeout(() => {
      for (const running of processes) running.kill('SIGKILL');
    }, GOODBYE_WITHIN_MS);
    const relay = this.#relay?.process;
    await Promise.all(processes.filter((running) => running !== relay).map(({ exited }) => exited));
    relay?.kill('SIGKILL');
    await relay?.exited;
    clearTimeout(goodbye);
    if (this.#folder !== '') await rm(this.#folder, { recursive: true, force: true });
  }

  /** A relay more, with this environment on top. */
  async startRelay(env: Readonly<Record<string, string>> = {}): Promise<E2eRelay> {
    const relay = this.start('relay', [process.execPath, join(DIST, 'relay/main.js'), '--hints'], {
      cwd: this.#folder,
      env: { PATH: SYSTEM_PATH, HOST: '127.0.0.1', PORT: '0', INTERNAL_PORT: '0', ...env },
    });
    const [, url = ''] = await relay.see(/^Converge relay at (http\S+)/m);
    return { url, wsUrl: url.replace(/^http/, 'ws'), process: relay };
  }

  /** Starts a program that ends with this world at the latest. */
  start(name: string, command: readonly [string, ...string[]], options: ProcessOptions): E2eProcess {
    const started = startProcess(name, command, options);
    this.#processes.push(started);
    return started;
  }

  /** Starts a program in a terminal that a person types at. It is closed with this world at the latest. */
  openTerminal(
    name: string,
    [file, ...args]: readonly [string, ...string[]],
    { cwd, env }: Pick<ProcessOptions, 'cwd' | 'env'>,
  ): Terminal {
    const there = ['-c', 'cd "$0" && exec "$@"', cwd, file, ...args];
    const terminal = openTerminal('sh', there, env);
    this.#terminals.push({ name, terminal });
    return terminal;
  }

  /** An empty folder of its own. */
  async makeFolder(name: string): Promise<string> {
    this.#count += 1;
    const path = join(this.#folder, `${name}-${this.#count}`);
    await mkdir(path);
    return path;
  }

  /** What everybody said, for the report of a failure. */
  transcript(): string {
    const screens = this.#terminals.map(
      ({ name, terminal }) => `--- ${name} (terminal)\n${terminal.screen()}`,
    );
    return [...this.#processes.map(({ transcript }) => transcript), ...screens].join('\n');
  }
}
