// A pod of the mesh: one relay in a process of its own, run from the sources, on ports that stay the same.
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { freePort } from '../network/ports.ts';
import { type E2eProcess, type ProcessExit, startProcess } from '../process/started-process.ts';
import { sumOf } from '../relay/exposition.ts';
import { until } from '../time/poll.ts';
import type { BalancerTarget } from './tcp-balancer.ts';

const MAIN = fileURLToPath(new URL('../../../services/relay/main.ts', import.meta.url));

/** Three of them start at once, on two cores that others use too. */
const READY_WITHIN_MS = 60_000;

/** What a pod says of one session (GET /sessions). */
export interface ListedSession {
  readonly id: string;
  readonly route: 'local' | 'waiting' | 'forwarding';
  readonly resumable: boolean;
  readonly toAgent: number;
  readonly toClient: number;
}

export interface ListedPod {
  readonly pod: string;
  readonly agents: readonly { readonly id: string; readonly epoch: number }[];
  readonly sessions: readonly ListedSession[];
}

export class MeshPod implements BalancerTarget {
  readonly name: string;
  readonly port: number;
  readonly internalPort: number;
  readonly #env: Readonly<Record<string, string>>;
  #process: E2eProcess | undefined;

  constructor(
    name: string,
    ports: { readonly port: number; readonly internalPort: number },
    env: Readonly<Record<string, string>>,
  ) {
    this.name = name;
    this.port = ports.port;
    this.internalPort = ports.internalPort;
    this.#env = env;
  }

  /** `HOST:PORT` as the registry has it. */
  get address(): string {
    return `127.0.0.1:${this.internalPort}`;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning === true;
  }

  get transcript(): string {
    return this.#process?.transcript ?? '';
  }

  /** What this life of it has logged. */
  get log(): string {
    return this.#process?.stdout ?? '';
  }

  /** Starts it, and waits until it is ready. */
  async start(): Promise<void> {
    const process_ = startProcess(this.name, [process.execPath, MAIN], {
      cwd: tmpdir(),
      env: {
        PATH: process.env['PATH'] ?? '',
        HOST: '127.0.0.1',
        PORT: String(this.port),
        INTERNAL_PORT: String(this.internalPort),
        POD_ID: this.name,
        POD_ADDRESS: this.address,
        ...this.#env,
      },
    });
    this.#process = process_;
    const isUp = async (): Promise<boolean> => {
      if (!process_.isRunning) throw new Error(`it did not start:\n${process_.transcript}`);
      return this.isReady();
    };
    await until(`${this.name} is ready`, isUp, READY_WITHIN_MS);
  }

  /** Whether /readyz says so; one that does not answer is not. */
  async isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`http://${this.address}/readyz`);
      await answer.arrayBuffer();
      return answer.ok;
    } catch {
      return false;
    }
  }

  /** Sends a signal that it outlives. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<ProcessExit> {
    if (this.#process === undefined) throw new Error(`${this.name} was never started`);
    this.#process.kill(signal);
    return this.#process.exited;
  }

  /** The sum of the metric's series with those labels. */
  async metric(series: string): Promise<number> {
    const answer = await fetch(`http://${this.address}/metrics`);
    return sumOf(await answer.text(), series);
  }

  async list(): Promise<ListedPod> {
    const answer = await fetch(`http://${this.address}/sessions`);
    return (await answer.json()) as ListedPod;
  }
}

/** Not started yet. */
export async function createMeshPod(name: string, env: Readonly<Record<string, string>>): Promise<MeshPod> {
  return new MeshPod(name, { port: await freePort(), internalPort: await freePort() }, env);
}
