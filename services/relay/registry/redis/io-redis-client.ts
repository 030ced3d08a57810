// A Redis client over ioredis: it connects again and again, and reports when the server is of use.
import { Cluster, type Redis } from 'ioredis';
import { Backoff } from '#shared/time/backoff.ts';
import type { Cancel } from '#shared/time/clock.ts';
import type { RedisClient, RedisClientOptions, ScriptCall } from './redis-client.ts';
import { type Connection, createConnection } from './redis-connection.ts';
import { messageOf } from './redis-failure.ts';
import { PROBE_TTL_MS } from './redis-keys.ts';
import { REDIS_SCRIPTS, type ScriptName } from './redis-scripts.ts';

/** The first wait before a new attempt, in milliseconds, with full jitter: a blink of Redis is over at once. */
const RETRY_FIRST_MS = 100;

/** The longest such wait, in milliseconds: agents are to be registered again within 5 s of its return. */
const MAX_RETRY_MS = 1_000;

/**
 * How long to wait before a server is tried again that takes connections and no writes (because it is full, say); in
 * milliseconds.
 */
const PROBE_AGAIN_MS = 1_000;

/** The nodes of a cluster come one by one. This long after the last one they are tried together, in milliseconds. */
const PROBE_DELAY_MS = 100;

type ScriptCommand = (key: string, ...args: string[]) => Promise<unknown>;

export class IoRedisClient implements RedisClient {
  readonly #options: RedisClientOptions;
  readonly #connection: Connection;
  /** The same connection in a cluster: ioredis then keeps one for messages itself, on any node, and moves it. */
  readonly #subscriber: Connection;
  readonly #backoff = new Backoff({
    firstMs: RETRY_FIRST_MS,
    maxMs: MAX_RETRY_MS,
    random: Math.random,
  });
  #cancelProbe: Cancel | undefined;
  #closed = false;

  constructor(options: RedisClientOptions) {
    this.#options = options;
    this.#connection = this.#create();
    this.#subscriber = this.#connection instanceof Cluster ? this.#connection : this.#create();
    this.#attend(this.#connection);
    this.#attendSubscriber(this.#subscriber);
    this.#connect(this.#connection);
    if (this.#subscriber !== this.#connection) this.#connect(this.#subscriber);
  }

  run(script: ScriptName, call: ScriptCall): Promise<unknown> {
    return send(this.#connection, script, call);
  }

  async runEach(
    script: ScriptName,
    calls: readonly ScriptCall[],
  ): Promise<readonly PromiseSettledResult<unknown>[]> {
    const connection = this.#connection;
    // A pipeline of ioredis follows no redirection unless each of its calls gets the same one, and takes only keys that
    // one node has; single calls, sent in one go, follow theirs each.
    if (connection instanceof Cluster)
      return Promise.allSettled(calls.map((call) => send(connection, script, call)));
    const pipeline = connection.pipeline();
    for (const call of calls) void send(pipeline, script, call);
    const replies = (await pipeline.exec()) ?? [];
    return replies.map(([error, value]) =>
      error === null ? { status: 'fulfilled', value } : { status: 'rejected', reason: error },
    );
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#subscriber.subscribe(...channels);
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#subscriber.unsubscribe(channel);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelProbe?.();
    this.#connection.disconnect();
    if (this.#subscriber !== this.#connection) this.#subscriber.disconnect();
  }

  #create(): Connection {
    const { target, timeoutMs } = this.#options;
    const retry = (): number => this.#backoff.next();
    const connection = createConnection(target, timeoutMs, retry);
    for (const [name, lua] of Object.entries(REDIS_SCRIPTS))
      connection.defineCommand(commandName(name), { lua, numberOfKeys: 1 });
    return connection;
  }

  /** An attempt that fails is reported by an `error` event, and followed by the next. */
  #connect(connection: Connection): void {
    connection.connect().catch(() => undefined);
  }

  #attend(connection: Connection): void {
    const { events } = this.#options;
    connection.on('ready', () => {
      this.#probe();
    });
    connection.on('close', () => {
      this.#cancelProbe?.();
      events.lost();
    });
    connection.on('error', (error: unknown) => {
      events.failed(messageOf(error));
    });
    connection.on('node error', (error: unknown) => {
      events.failed(messageOf(error));
    });
    connection.on('+node', (node: Redis) => {
      this.#attendNode(node);
    });
    connection.on('-node', (node: Redis) => {
      if (node.options.readOnly !== true) events.parted();
    });
    this.#reviveAtEnd(connection);
  }

  /**
   * A master of the cluster that is new, or back: what it held may be gone. It is dialled now, and not with the first
   * call, so that its return is noticed; one that is not there leaves the pool, and comes with the next map again.
   */
  #attendNode(node: Redis): void {
    if (node.options.readOnly === true) return;
    // Calls reach it from now on, long before a probe has said that it is of use.
    this.#options.events.parted();
    node.on('ready', () => {
      if (this.#connection.status === 'ready') this.#probe();
    });
    this.#connect(node);
  }

  #attendSubscriber(subscriber: Connection): void {
    const { events } = this.#options;
    subscriber.on('ready', () => {
      events.listening();
    });
    subscriber.on('message', (channel: string) => {
      events.heard(channel);
    });
    if (subscriber === this.#connection) return;
    // It dials where the other one dials, which shows what is wrong there.
    subscriber.on('error', () => undefined);
    this.#reviveAtEnd(subscriber);
  }

  /** ioredis gives up for good when a connection is cut while it asks the sentinels. We never do. */
  #reviveAtEnd(connection: Connection): void {
    connection.on('end', () => {
      if (this.#closed) return;
      this.#options.clock.after(MAX_RETRY_MS, () => {
        if (!this.#closed && connection.status === 'end') this.#connect(connection);
      });
    });
  }

  #probe(): void {
    if (this.#connection instanceof Cluster) this.#probeIn(PROBE_DELAY_MS);
    else this.#writeProbe();
  }

  #probeIn(delayMs: number): void {
    this.#cancelProbe?.();
    this.#cancelProbe = this.#options.clock.after(delayMs, () => {
      if (!this.#closed && this.#connection.status === 'ready') this.#writeProbe();
    });
  }

  /** Writes one key: a replica, a full server and a user without rights all take a connection, and are of no use. */
  #writeProbe(): void {
    const { events, probeKey } = this.#options;
    this.#connection.set(probeKey, '1', 'PX', PROBE_TTL_MS).then(
      () => {
        this.#backoff.reset();
        if (!this.#closed) events.usable();
      },
      (error: unknown) => {
        if (this.#closed) return;
        events.failed(messageOf(error));
        this.#probeIn(PROBE_AGAIN_MS);
      },
    );
  }
}

/** ioredis adds a method per script; it sends the hash (EVALSHA), and the text where a server does not know it. */
function commandName(script: string): string {
  return `converge_${script}`;
}

function send(on: object, script: ScriptName, { key, args }: ScriptCall): Promise<unknown> {
  const command = Reflect.get(on, commandName(script)) as ScriptCommand;
  return command.call(on, key, ...args);
}
