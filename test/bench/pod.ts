// A relay of the bench: the built one, in a process of its own, on free ports.
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DIST } from '../../deploy/build/source-tree.ts';
import { freePort } from '../support/network/ports.ts';
import { type E2eProcess, prefixed, startProcess } from '../support/process/started-process.ts';
import { until } from '../support/time/poll.ts';

const READY_WITHIN_MS = 60_000;

export class BenchPod implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly #internalPort: number;
  readonly #env: Readonly<Record<string, string>>;
  readonly #prefix: readonly string[];
  #process: E2eProcess | undefined;

  /** `prefix`: what comes before the command: where it runs, and on which processors. */
  constructor(
    name: string,
    ports: { port: number; internalPort: number },
    env: Readonly<Record<string, string>>,
    prefix: readonly string[] = [],
  ) {
    this.name = name;
    this.port = ports.port;
    this.#internalPort = ports.internalPort;
    this.#env = env;
    this.#prefix = prefix;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** `http://HOST:PORT` of the internal listener. */
  get internalUrl(): string {
    return `http://127.0.0.1:${this.#internalPort}`;
  }

  get pid(): number {
    return this.#process?.child.pid ?? 0;
  }

  /** Starts it, again on the same ports if it was killed, and waits until it is ready. */
  async start(): Promise<this> {
    const address = `127.0.0.1:${this.#internalPort}`;
    const command = prefixed(this.#prefix, [process.execPath, join(DIST, 'relay/main.js')]);
    const process_ = startProcess(this.name, command, {
      cwd: tmpdir(),
      env: {
        // For what is in a prefix.
        PATH: process.env['PATH'] ?? '',
        HOST: '127.0.0.1',
        PORT: String(this.port),
        INTERNAL_PORT: String(this.#internalPort),
        POD_ID: this.name,
        POD_ADDRESS: address,
        ...this.#env,
      },
    });
    this.#process = process_;
    const isReady = async (): Promise<boolean> => {
      if (!process_.isRunning) throw new Error(`it did not start:\n${process_.transcript}`);
      return this.#asks(`http://${address}/readyz`);
    };
    await until(`${this.name} is ready`, isReady, READY_WITHIN_MS);
    return this;
  }

  /** Resolves with the first session that the native pump takes. @throws Error if none comes in a minute */
  async pumpStarted(): Promise<void> {
    await this.#process?.see(/native pump started/);
  }

  /** From where it runs. */
  async #asks(url: string): Promise<boolean> {
    const [file, ...args] = [...this.#prefix, 'curl', '--silent', '--fail', '--max-time', '5', url];
    return promisify(execFile)(file, args).then(
      () => true,
      () => false,
    );
  }

  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

export interface PodOptions {
  /** With one it is one of several. */
  readonly redisUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What comes before the command. */
  readonly prefix?: readonly string[];
}

export async function startPod(
  name: string,
  { redisUrl, env = {}, prefix = [] }: PodOptions = {},
): Promise<BenchPod> {
  const shared =
    redisUrl === undefined
      ? {}
      : { REDIS_URL: redisUrl, CLUSTER_SECRET: 'a-secret-of-the-bench-that-opens-nothing' };
  return new BenchPod(name, await freePorts(), { ...shared, ...env }, prefix).start();
}

/** For a pod that has to know its address before it starts. */
export async function freePorts(): Promise<{ readonly port: number; readonly internalPort: number }> {
  return { port: await freePort(), internalPort: await freePort() };
}
