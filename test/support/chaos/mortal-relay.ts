// A relay that dies and comes back: the built one, on ports that stay the same.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIST } from '../../../deploy/build/source-tree.ts';
import { SYSTEM_PATH, type World } from '../laptop/world.ts';
import { freePort } from '../network/ports.ts';
import type { E2eProcess, ProcessExit } from '../process/started-process.ts';
import { sumOf } from '../relay/exposition.ts';

const READY_EVERY_MS = 20;

export class MortalRelay {
  readonly port: number;
  readonly internalPort: number;
  readonly #world: World;
  readonly #env: Readonly<Record<string, string>>;
  #process: E2eProcess | undefined;
  #lives = 0;

  constructor(world: World, ports: { readonly port: number; readonly internalPort: number }, env = {}) {
    this.#world = world;
    this.port = ports.port;
    this.internalPort = ports.internalPort;
    this.#env = env;
  }

  /** What this life of it says. */
  get process(): E2eProcess {
    if (this.#process === undefined) throw new Error('the relay was never started');
    return this.#process;
  }

  /** Starts it, and waits until it takes connections. */
  async start(): Promise<void> {
    this.#lives += 1;
    const name = `relay on ${this.port}, life ${this.#lives}`;
    this.#process = this.#world.start(name, [process.execPath, join(DIST, 'relay/main.js')], {
      cwd: this.#world.folder,
      env: {
        PATH: SYSTEM_PATH,
        HOST: '127.0.0.1',
        PORT: String(this.port),
        INTERNAL_PORT: String(this.internalPort),
        ...this.#env,
      },
    });
    while (!(await this.isReady())) {
      if (!this.#process.isRunning) throw new Error(`it did not start:\n${this.#process.transcript}`);
      await sleep(READY_EVERY_MS);
    }
  }

  /** Whether /readyz says so; a relay that does not answer is not. */
  async isReady(): Promise<boolean> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.internalPort}/readyz`);
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }

  /** The sum of the metric's series with those labels. */
  async metric(series: string): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${this.internalPort}/metrics`);
    return sumOf(await answer.text(), series);
  }

  /** Sends a signal and waits for its end. */
  async end(signal: NodeJS.Signals): Promise<ProcessExit> {
    this.process.kill(signal);
    return this.process.exited;
  }
}

/** Not started yet. */
export async function createMortalRelay(
  world: World,
  env: Readonly<Record<string, string>> = {},
): Promise<MortalRelay> {
  return new MortalRelay(world, { port: await freePort(), internalPort: await freePort() }, env);
}
