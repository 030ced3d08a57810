// What the registry needs of a Redis client, so that it knows neither the library nor whether there is one server or many.
import type { Clock } from '#shared/time/clock.ts';
import type { ScriptName } from './redis-scripts.ts';
import type { RedisTarget } from './redis-url.ts';

export interface ScriptCall {
  readonly key: string;
  readonly args: readonly string[];
}

/** A connection for calls and one for messages; both come back on their own until `close`. */
export interface RedisClient {
  /** Rejects at once while there is no connection: nothing is queued. */
  run(script: ScriptName, call: ScriptCall): Promise<unknown>;
  /** Many calls, sent without waiting in between; each has an outcome of its own, in their order. */
  runEach(
    script: ScriptName,
    calls: readonly ScriptCall[],
  ): Promise<readonly PromiseSettledResult<unknown>[]>;
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** May be called twice. */
  close(): void;
}

export interface RedisClientEvents {
  /** Connected anew, and the server takes writes. What it held before may be gone. */
  usable(): void;
  lost(): void;
  /** A server of a cluster is gone, or new: what it held may be forgotten. */
  parted(): void;
  /** An attempt to connect failed, or what was connected to is of no use; one line. */
  failed(detail: string): void;
  /** The connection for messages is new: nothing is subscribed. */
  listening(): void;
  /** A message on a channel. */
  heard(channel: string): void;
}

export interface RedisClientOptions {
  readonly target: RedisTarget;
  readonly clock: Clock;
  readonly events: RedisClientEvents;
  /** Written on each connect, to learn that writes are taken. */
  readonly probeKey: string;
  /** How long a server may take to answer, in milliseconds. */
  readonly timeoutMs: number;
}

export type OpenRedisClient = (options: RedisClientOptions) => RedisClient;
