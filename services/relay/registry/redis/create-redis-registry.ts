// The registry of a relay of many pods, in the Redis at a target.
import { IoRedisClient } from './io-redis-client.ts';
import { RedisRegistry, type RedisRegistryOptions } from './redis-registry.ts';

/** Opens nothing before `start`. */
export function createRedisRegistry(options: RedisRegistryOptions): RedisRegistry {
  return new RedisRegistry(options, (clientOptions) => new IoRedisClient(clientOptions));
}
