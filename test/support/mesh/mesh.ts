// The mesh of a test file: a Redis, three relay processes over it, a balancer in front, and who is around them.
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type RedisServer, startRedis } from '../redis/redis-server.ts';
import { EchoAgent, type EchoAgentOptions } from '../relay/echo-agent.ts';
import { type EchoSession, openPlainSession, openResumableSession } from '../relay/echo-session.ts';
import { until } from '../time/poll.ts';
import { createMeshPod, type ListedSession, type MeshPod } from './mesh-pod.ts';
import { TcpBalancer } from './tcp-balancer.ts';

export const POD_NAMES = ['pod-1', 'pod-2', 'pod-3'] as const;

/** Until a thing that is to happen within seconds has happened, on two busy cores. */
export const EVENTUALLY_MS = 30_000;

/** Hooks open it before the first test of the file and close it after the last; a failure prints what all pods said. */
export function useMesh(env: Readonly<Record<string, string>> = {}): Mesh {
  const mesh = new Mesh(env);
  beforeAll(() => mesh.open());
  beforeEach(async ({ onTestFailed }) => {
    onTestFailed(() => {
      console.error(mesh.transcript());
    });
    await mesh.revive();
  });
  afterEach(() => mesh.clear());
  afterAll(() => mesh.close());
  return mesh;
}

/** Nothing is started before `open`. */
export class Mesh {
  readonly secret = randomBytes(32).toString('base64url');
  readonly #env: Readonly<Record<string, string>>;
  readonly #guests: (Disposable | AsyncDisposable)[] = [];
  #redis: RedisServer | undefined;
  #pods: readonly MeshPod[] = [];
  #balancer: TcpBalancer | undefined;

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  get redis(): RedisServer {
    return opened(this.#redis);
  }

  get balancer(): TcpBalancer {
    return opened(this.#balancer);
  }

  get pods(): readonly MeshPod[] {
    return this.#pods;
  }

  pod(name: string | undefined): MeshPod {
    return opened(this.#pods.find((pod) => pod.name === name));
  }

  others(name: string | undefined): readonly MeshPod[] {
    return this.#pods.filter((pod) => pod.name !== name);
  }

  async open(): Promise<void> {
    this.#redis = await startRedis();
    const env = {
      REDIS_URL: this.#redis.url,
      CLUSTER_SECRET: this.secret,
      DRAIN_DELAY_SECONDS: '0',
      DRAIN_TIMEOUT_SECONDS: '5',
      ...this.#env,
    };
    const pods: MeshPod[] = [];
    // One after the other: two processes must not be given the same free port.
    for (const name of POD_NAMES) pods.push(await createMeshPod(name, env));
    this.#pods = pods;
    this.#balancer = new TcpBalancer(pods);
    await this.#balancer.start();
    await Promise.all(pods.map((pod) => pod.start()));
  }

  /** Starts again what a test has ended. */
  async revive(): Promise<void> {
    this.balancer.restore();
    await Promise.all(this.#pods.filter((pod) => !pod.isRunning).map((pod) => pod.start()));
  }

  /** Sends everybody home. */
  async clear(): Promise<void> {
    for (const guest of this.#guests.splice(0).toReversed()) {
      if (Symbol.asyncDispose in guest) await guest[Symbol.asyncDispose]();
      else guest[Symbol.dispose]();
    }
  }

  async close(): Promise<void> {
    await this.clear();
    await Promise.all(this.#pods.filter((pod) => pod.isRunning).map((pod) => pod.end('SIGKILL')));
    await this.#balancer?.[Symbol.asyncDispose]();
    await this.#redis?.[Symbol.asyncDispose]();
  }

  /** An agent that is linked, by default through the balancer, until the end of the test. */
  async agent(id: string, options: Partial<EchoAgentOptions> = {}): Promise<EchoAgent> {
    return this.guest(new EchoAgent({ linkPort: this.balancer.port, ...options, id })).linked();
  }

  /** A way to all pods for one guest alone, that can be cut and lost. */
  async network(): Promise<TcpBalancer> {
    const network = this.guest(new TcpBalancer(this.#pods));
    await network.start();
    return network;
  }

  /** Resolves once clients on `pods` pods wait for a claim of `id`. */
  async awaited(id: string, pods = 1): Promise<void> {
    await until(`clients on ${pods} pods wait for ${id}`, async () => {
      const [, count] = (await this.redis.call('PUBSUB', 'NUMSUB', `converge:claim:{${id}}`)) as [
        string,
        number,
      ];
      return count >= pods;
    });
  }

  /** A session that ends with its transport. */
  async plain(
    id: string,
    port = this.balancer.port,
    waitSeconds = 0,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<EchoSession> {
    return this.guest(await openPlainSession(port, id, waitSeconds, headers));
  }

  /** A session that outlives its transports. */
  async resumable(id: string, port = this.balancer.port, waitSeconds = 0): Promise<EchoSession> {
    return this.guest(await openResumableSession(port, id, waitSeconds));
  }

  /** Ends with the test. */
  guest<Guest extends Disposable | AsyncDisposable>(guest: Guest): Guest {
    this.#guests.push(guest);
    return guest;
  }

  /** How the sessions of agent `id` run through the pods that are up: `pod-1 local`, sorted. */
  async routes(id: string): Promise<string[]> {
    const lists = await Promise.all(this.#pods.filter((pod) => pod.isRunning).map((pod) => pod.list()));
    const line = (pod: string, { route }: ListedSession): string => `${pod} ${route}`;
    return lists
      .flatMap(({ pod, sessions }) =>
        sessions.filter((session) => session.id === id).map((session) => line(pod, session)),
      )
      .sort();
  }

  /** Resolves once a new client of every pod that is up gets to agent `id`; gives the time that took, in milliseconds. */
  async reachable(id: string): Promise<number> {
    const since = Date.now();
    for (const pod of this.#pods.filter(({ isRunning }) => isRunning)) {
      await until(
        `${id} is reachable from ${pod.name}`,
        async () => {
          try {
            const session = await openPlainSession(pod.port, id);
            await session.exchange(100);
            session[Symbol.dispose]();
            return true;
          } catch {
            return false;
          }
        },
        EVENTUALLY_MS,
      );
    }
    return Date.now() - since;
  }

  transcript(): string {
    return this.#pods.map(({ transcript }) => transcript).join('\n');
  }
}

function opened<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error('the mesh is not open, or has no such part');
  return part;
}
