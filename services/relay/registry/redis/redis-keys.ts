// Everything that Converge names in Redis: keys, channels, fields and how long they live.
//
//   converge:agent:{ID}    hash   who holds the agent's control link; lives for RESERVATION_MS, see redis-entry.ts
//   converge:probe:{POD}   string written on each connect, to learn that this server takes writes; lives PROBE_TTL_MS
//   converge:born          hash   since when this Redis remembers; lives BIRTH_TTL_MS after the last pod looked
//   converge:places:{NAME} zset   who has a place under a limit of a rule, with its end; lives for PLACE_LIFE_MS
//   converge:sum:{NAME}    string what an agent's sessions have moved, in bytes; lives for SUM_LIFE_MS
//   converge:blocks        hash   what operators have blocked, see redis-block-entry.ts; lives as long as the longest block
//   converge:claim:{ID}    channel, a message for each claim of the ID
//
// The braces are part of the names: they make Redis Cluster keep what belongs to one ID in one slot. A Redis user with no
// more rights than needed: `~converge:* &converge:* +eval +evalsha +hset +hmget +hgetall +hlen +hdel +hstrlen +type
// +pexpire +pttl +del +unlink +publish +set +incrby +zadd +zcard +zrem +zremrangebyscore +zscore +subscribe +unsubscribe
// +info +ping +select +client|setname`, and for Redis Cluster `+cluster|slots +cluster|info`.
import { RESERVATION_MS } from '../registry.ts';

/** Of every key and channel; tests take one each, so that they can share a server. */
export const DEFAULT_KEY_PREFIX = 'converge:';

export const ENTRY_TTL_MS = RESERVATION_MS;

/** Long enough to be seen by somebody who looks, short enough to leave nothing behind; in milliseconds. */
export const PROBE_TTL_MS = 10_000;

/** Pods look every RENEW_EVERY_MS; in milliseconds. */
export const BIRTH_TTL_MS = 3_600_000;

/** The fields of an entry, in the order in which the scripts read and write them. */
export const ENTRY_FIELDS = ['pod', 'address', 'epoch', 'claim', 'since', 'signature'] as const;

/** Fields of an entry that relays of the version before this one neither read nor write, in the order of the scripts. */
export const TENURE_FIELDS = ['held', 'elders', 'horizon', 'seen', 'won'] as const;

/**
 * A field that is longer, in bytes, was not written by us: POD_ID has at most 253 characters, an address a few more.
 * It also keeps what a stranger wrote from being carried into a relay's memory.
 */
export const MAX_ENTRY_FIELD_BYTES = 512;

/** Epochs with more digits than this do not fit into a Lua number without loss, and are not ours. */
export const MAX_EPOCH_DIGITS = 15;

export class RedisKeys {
  readonly #prefix: string;

  constructor(prefix: string = DEFAULT_KEY_PREFIX) {
    this.#prefix = prefix;
  }

  agent(id: string): string {
    return `${this.#prefix}agent:{${id}}`;
  }

  /** `name` is ours, and may be any text. */
  places(name: string): string {
    return `${this.#prefix}places:{${name}}`;
  }

  sum(name: string): string {
    return `${this.#prefix}sum:{${name}}`;
  }

  blocks(): string {
    return `${this.#prefix}blocks`;
  }

  born(): string {
    return `${this.#prefix}born`;
  }

  probe(pod: string): string {
    return `${this.#prefix}probe:{${pod}}`;
  }

  /**
   * The channel of the claims of one ID. A pod subscribes to it while somebody there waits for that ID, and only then.
   * With one channel for all, each claim would go to every pod: after an outage, 1,000,000 agents that claim again on 100
   * pods would be 100,000,000 messages, all but a handful for nobody. So a claim without a waiter costs Redis one lookup
   * in its table of channels, and one with a waiter one message per pod that waits. Sharded channels would spare a Redis
   * Cluster the broadcast among its own nodes, and cost each pod a connection per shard, and Redis 7.
   */
  claims(id: string): string {
    return `${this.#prefix}claim:{${id}}`;
  }
}
