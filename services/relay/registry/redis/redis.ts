// The registry of a relay of many pods, in Redis: this file opens the connections, redis-registry.ts uses them.
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { Backoff } from '#shared/time/backoff.ts';
import type { Cancel } from '#shared/time/clock.ts';
import type { RedisClient, RedisClientOptions, ScriptCall } from './redis-client.ts';
import { isReadOnly, messageOf } from './redis-failure.ts';
import { PROBE_TTL_MS } from './redis-keys.ts';
import { RedisRegistry, type RedisRegistryOptions } from './redis-registry.ts';
import { REDIS_SCRIPTS, type ScriptName } from './redis-scripts.ts';
import type { RedisAddress, RedisLogin, RedisTarget, SentinelTarget } from './redis-url.ts';

/** The first wait before a new attempt, in milliseconds, with full jitter: a blink of Redis is over at once. */
const RETRY_FIRST_MS = 100;

/** The longest such wait, in milliseconds: agents are to be registered again within 5 s of its return. */
const MAX_RETRY_MS = 1_000;

/** A server that takes the connection and no writes (full, say) is asked again after so long, in milliseconds. */
const PROBE_AGAIN_MS = 1_000;

/** The nodes of a cluster come one by one; they are asked for together, in milliseconds. */
const PROBE_DELAY_MS = 100;

/**
 * So much longer than a call may take does a connection live that owes an answer, in milliseconds: first the call fails,
 * then its connection, and what was sent on it is never sent again.
 */
const SILENCE_GRACE_MS = 500;

/** Notices a peer that vanished while nothing is sent, in milliseconds; the rest is the kernel's. */
const TCP_KEEPALIVE_MS = 15_000;

/** A cluster's map is fetched again so often, in milliseconds: without calls, nothing else tells that a node is back. */
const SLOTS_REFRESH_EVERY_MS = 3_000;

/** A registry in the Redis at `target`. Opens nothing before `start`. */
export function createRedisRegistry(options: RedisRegistryOptions): RedisRegistry {
  outliveSecondErrors();
  return new RedisRegistry(options, (clientOptions) => new IoRedisClient(clientOptions));
}

/**
 * ioredis listens for one error per socket. A TLS handshake that fails can end in two (our refusal of the certificate,
 * then the server's alert), and the second would end the process (https://github.com/redis/ioredis/pull/961). So every
 * socket gets a listener more, at the one place that all of them pass, those that ioredis opens for itself (to sentinels,
 * to the nodes of a cluster) included.
 */
function outliveSecondErrors(): void {
  if (Object.hasOwn(Redis.prototype, 'stream')) return;
  const streams = new WeakMap<object, Duplex>();
  Object.defineProperty(Redis.prototype, 'stream', {
    configurable: true,
    get(this: object) {
      return streams.get(this);
    },
    set(this: object, stream: Duplex) {
      streams.set(
        this,
        stream.on('error', () => undefined),
      );
    },
  });
}

type Connection = Redis | Cluster;
type ScriptCommand = (key: string, ...args: string[]) => Promise<unknown>;

class IoRedisClient implements RedisClient {
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

  /** An attempt that fails is told by an `error` event, and followed by the next. */
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
    // It dials where the other one dials, which tells what is wrong there.
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

function createConnection(target: RedisTarget, timeoutMs: number, retry: () => number): Connection {
  switch (target.kind) {
    case 'single': {
      const { host, port, database } = target;
      const options = connectionOptions(target.login, timeoutMs, retry);
      return new Redis({ ...options, host, port, db: database, ...tlsOf(target.tls, host) });
    }
    case 'sentinel':
      return new Redis(sentinelOptions(target, timeoutMs, retry));
    case 'cluster':
      return new Cluster(target.nodes.map(copyAddress), clusterOptions(target, timeoutMs, retry));
  }
}

/**
 * Nothing waits in a queue: a call is on its way to a server, or it has failed. What is on its way when a connection ends
 * fails with it, and is not sent again: whoever made the call has been told that it failed.
 */
function connectionOptions(login: RedisLogin | undefined, timeoutMs: number, retry: () => number) {
  return {
    ...login,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // Wakeups does it, and then has those who wait look again.
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    socketTimeout: timeoutMs + SILENCE_GRACE_MS,
    keepAlive: TCP_KEEPALIVE_MS,
    connectionName: 'converge-relay',
    disableClientInfo: true,
    retryStrategy: retry,
    // A master that became a replica: the next connection is to where the master is then.
    reconnectOnError: (error: Error) => isReadOnly(error.message),
  } satisfies RedisOptions;
}

/**
 * A fail-over is noticed because Sentinel has the old master close its connections, or because it refuses to write, or no
 * longer answers; so no connection to the sentinels is kept, which 100 pods would each have to three of them.
 */
function sentinelOptions(target: SentinelTarget, timeoutMs: number, retry: () => number): RedisOptions {
  const { sentinelLogin } = target;
  return {
    ...connectionOptions(target.login, timeoutMs, retry),
    sentinels: target.sentinels.map(copyAddress),
    name: target.master,
    db: target.database,
    ...(sentinelLogin?.username === undefined ? {} : { sentinelUsername: sentinelLogin.username }),
    ...(sentinelLogin === undefined ? {} : { sentinelPassword: sentinelLogin.password }),
    sentinelCommandTimeout: timeoutMs,
    sentinelRetryStrategy: retry,
    ...(target.tls ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
  };
}

function clusterOptions(
  target: Extract<RedisTarget, { kind: 'cluster' }>,
  timeoutMs: number,
  retry: () => number,
): ClusterOptions {
  // Whether a node is dialled again is for the cluster to decide, not for the connection to the node.
  const {
    retryStrategy: _,
    reconnectOnError: __,
    ...nodeOptions
  } = connectionOptions(target.login, timeoutMs, retry);
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: retry,
    slotsRefreshTimeout: timeoutMs,
    slotsRefreshInterval: SLOTS_REFRESH_EVERY_MS,
    redisOptions: { ...nodeOptions, ...(target.tls ? { tls: {} } : {}) },
    // A certificate names hosts, so the name is what is to be dialled.
    ...(target.tls ? { dnsLookup: (host, callback) => callback(null, host) } : {}),
  };
}

/** The name of the host is sent along (SNI), for servers that have several certificates. */
function tlsOf(tls: boolean, host: string): RedisOptions {
  if (!tls) return {};
  return { tls: isIP(host) === 0 ? { servername: host } : {} };
}

function copyAddress({ host, port }: RedisAddress): { host: string; port: number } {
  return { host, port };
}

/** ioredis adds a method per script; it sends the hash (EVALSHA), and the text where a server does not know it. */
function commandName(script: string): string {
  return `converge_${script}`;
}

function send(on: object, script: ScriptName, { key, args }: ScriptCall): Promise<unknown> {
  const command = Reflect.get(on, commandName(script)) as ScriptCommand;
  return command.call(on, key, ...args);
}
