// A relay of the bench: the built one, in a process of its own, on free ports.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DIST } from '../../deploy/build/source-tree.ts';
import { freePort } from '../support/network/ports.ts';
import { type E2eProcess, startProcess } from '../support/process/started-process.ts';
import { until } from '../support/time/poll.ts';

const READY_WITHIN_MS = 60_000;

export class BenchPod implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly #internalPort: number;
  readonly #env: Readonly<Record<string, string>>;
  #process: E2eProcess | undefined;

  constructor(
    name: string,
    ports: { port: number; internalPort: number },
    env: Readonly<Record<string, string>>,
  ) {
    this.name = name;
    this.port = ports.port;
    this.#internalPort = ports.internalPort;
    this.#env = env;
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
    const process_ = startProcess(this.name, [process.execPath, join(DIST, 'relay/main.js')], {
      cwd: tmpdir(),
      env: {
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
      return fetch(`http://${address}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
    };
    await until(`${this.name} is ready`, isReady, READY_WITHIN_MS);
    return this;
  }

  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Starts one, with more variables if there are any. With a `redisUrl` it is one of several. */
export async function startPod(
  name: string,
  redisUrl?: string,
  env: Readonly<Record<string, string>> = {},
): Promise<BenchPod> {
  const shared =
    redisUrl === undefined
      ? {}
      : { REDIS_URL: redisUrl, CLUSTER_SECRET: 'a-secret-of-the-bench-that-opens-nothing' };
  return new BenchPod(name, await freePorts(), { ...shared, ...env }).start();
}

/** For a pod that has to know its address before it starts. */
export async function freePorts(): Promise<{ readonly port: number; readonly internalPort: number }> {
  return { port: await freePort(), internalPort: await freePort() };
}
