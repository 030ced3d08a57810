// Registries over one Redis, each as a pod of its own has it, with what they log and report; all stopped together.
import { createHmac } from 'node:crypto';
import { systemClock } from '#shared/time/clock.ts';
import { createRedisRegistry } from '../../../services/relay/registry/redis/create-redis-registry.ts';
import type {
  RedisRegistry,
  RedisRegistryOptions,
} from '../../../services/relay/registry/redis/redis-registry.ts';
import { parseRedisUrl, type RedisTarget } from '../../../services/relay/registry/redis/redis-url.ts';
import type { Owner } from '../../../services/relay/registry/registry.ts';
import { until } from '../time/poll.ts';

const SECRET = 'a secret of the cluster under test';

export interface RedisPod {
  readonly registry: RedisRegistry;
  readonly owner: Owner;
  /** `level message`, with its fields as JSON behind. */
  readonly log: readonly string[];
  readonly faults: readonly string[];
  /** `operation outcome`. */
  readonly calls: readonly string[];
  /** How often Redis was found usable. */
  readonly readies: () => number;
  /** Resolves when that is so for the `count`th time. */
  ready(count?: number): Promise<void>;
}

export function signWith(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url');
}

/** The target of a URL that is known to be good. */
export function targetOf(url: string): RedisTarget {
  const parsed = parseRedisUrl(url);
  if (parsed.kind === 'invalid') throw new Error(`${url} ${parsed.fault}`);
  return parsed.target;
}

/** For tests that are not about time: a busy machine may take its own to answer. */
export const PATIENT: Partial<RedisRegistryOptions> = { timeoutMs: 20_000 };

export class RedisPods implements AsyncDisposable {
  readonly #url: string;
  readonly #options: Partial<RedisRegistryOptions>;
  readonly #pods: RedisPod[] = [];

  /** `options` of each pod, unless it has others. */
  constructor(url: string, options: Partial<RedisRegistryOptions> = {}) {
    this.#url = url;
    this.#options = options;
  }

  /** A pod that has begun to connect. */
  open(overrides: Partial<RedisRegistryOptions> = {}): RedisPod {
    const pod = `pod-${this.#pods.length + 1}`;
    const log: string[] = [];
    const faults: string[] = [];
    const calls: string[] = [];
    let readies = 0;
    const write =
      (level: string) =>
      (fields: Record<string, unknown>, message: string): void => {
        log.push(`${level} ${message} ${JSON.stringify(fields)}`);
      };
    const registry = createRedisRegistry({
      target: targetOf(this.#url),
      pod,
      clock: systemClock,
      // Small ones are easier to read in a test.
      firstEpoch: () => 1,
      log: { info: write('info'), warn: write('warn') },
      sign: (text) => signWith(SECRET, text),
      verify: (text, signature) => signWith(SECRET, text) === signature,
      recorder: {
        registryConnected: () => undefined,
        registryCalled: (operation, _seconds, outcome) => calls.push(`${operation} ${outcome}`),
        registryEntryDistrusted: (fault) => faults.push(fault),
      },
      ...this.#options,
      ...overrides,
    });
    const opened: RedisPod = {
      registry,
      owner: { pod, address: `10.0.0.${this.#pods.length + 1}:9090` },
      log,
      faults,
      calls,
      readies: () => readies,
      async ready(count = 1) {
        await until(`redis usable ${count} times; ${log.join('; ')}`, () => readies >= count, 20_000);
      },
    };
    this.#pods.push(opened);
    registry.start(() => {
      readies += 1;
    });
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { registry } of this.#pods) await registry.stop();
  }
}
