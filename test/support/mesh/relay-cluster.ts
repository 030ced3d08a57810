// Relays of one cluster in the test's own process, over one Redis, each with a clock and a secret of its own.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { GateParts } from '../../../services/relay/gate-parts.ts';
import { ClusterKey } from '../../../services/relay/hop/cluster-key.ts';
import type { Cluster } from '../../../services/relay/kubernetes/cluster.ts';
import { entryText } from '../../../services/relay/registry/redis/redis-entry.ts';
import type { Owner } from '../../../services/relay/registry/registry.ts';
import type { RedisServer } from '../redis/redis-server.ts';
import { EchoAgent, type EchoAgentOptions } from '../relay/echo-agent.ts';
import { type EchoSession, openPlainSession } from '../relay/echo-session.ts';
import { type RunningRelay, startRelay } from '../relay/relay.ts';
import { until } from '../time/poll.ts';
import { SkippingClock } from '../time/skipping-clock.ts';

export interface ClusterPod extends RunningRelay {
  readonly name: string;
  readonly clock: SkippingClock;
  /** `HOST:PORT` of its internal listener. */
  readonly address: string;
}

export interface PodOptions {
  readonly name?: string;
  readonly secret?: string;
  readonly clock?: SkippingClock;
  readonly cluster?: Cluster;
  readonly env?: Readonly<Record<string, string>>;
  readonly gateParts?: Partial<GateParts>;
}

/** Everything in it ends with it. */
export class RelayCluster implements AsyncDisposable {
  readonly secret = randomBytes(32).toString('base64url');
  readonly key = new ClusterKey([this.secret]);
  readonly redis: RedisServer;
  readonly #guests: (Disposable | AsyncDisposable)[] = [];
  #pods = 0;

  constructor(redis: RedisServer) {
    this.redis = redis;
  }

  /** A pod more, connected to Redis. */
  async pod(options: PodOptions = {}): Promise<ClusterPod> {
    const { name, secret = this.secret, clock = new SkippingClock(), env: more, ...rest } = options;
    this.#pods += 1;
    const podName = name ?? `pod-${this.#pods}`;
    const env = { REDIS_URL: this.redis.url, POD_ID: podName, CLUSTER_SECRET: secret, ...more };
    const running = this.guest(await startRelay({ env, clock, ...rest }));
    await until('redis connected', () => running.log.some(({ msg }) => msg === 'redis connected'));
    return { ...running, name: podName, clock, address: `127.0.0.1:${running.internalPort}` };
  }

  async agent(id: string, pod: ClusterPod, options: Partial<EchoAgentOptions> = {}): Promise<EchoAgent> {
    return this.guest(new EchoAgent({ linkPort: pod.port, ...options, id })).linked();
  }

  async client(id: string, pod: ClusterPod): Promise<EchoSession> {
    return this.guest(await openPlainSession(pod.port, id));
  }

  /** An address that counts who comes to it. */
  async trap(): Promise<{ readonly address: string; readonly visits: () => number }> {
    let visits = 0;
    const server = createServer((socket) => {
      visits += 1;
      socket.destroy();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.guest({
      [Symbol.dispose]: () => {
        server.close();
      },
    });
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, visits: () => visits };
  }

  /** Writes an entry as a pod with `key` would have. */
  async writeEntry(id: string, owner: Owner, key = this.key): Promise<void> {
    const claim = 'x'.repeat(43);
    const signature = key.sign('registry', entryText(id, owner, claim));
    const fields = { ...owner, epoch: '1', claim, since: String(Date.now()), signature };
    await this.redis.call('HSET', `converge:agent:{${id}}`, ...Object.entries(fields).flat());
  }

  guest<Guest extends Disposable | AsyncDisposable>(guest: Guest): Guest {
    this.#guests.push(guest);
    return guest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const guest of this.#guests.splice(0).toReversed()) {
      if (Symbol.asyncDispose in guest) await guest[Symbol.asyncDispose]();
      else guest[Symbol.dispose]();
    }
    await this.redis.call('FLUSHALL');
  }
}
