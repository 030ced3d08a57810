// Connections to Redis as ioredis makes them: one server, behind sentinels, or a cluster. What a call may wait for is here.
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { isReadOnly } from './redis-failure.ts';
import type { RedisAddress, RedisLogin, RedisTarget, SentinelTarget } from './redis-url.ts';

/**
 * How much longer than a call a silent connection lives, in milliseconds. So first the call fails and then its
 * connection, and what was sent on it is never sent again.
 */
const SILENCE_GRACE_MS = 500;

/** When the kernel begins to probe an idle connection, in milliseconds: a server that vanished is noticed by that. */
const TCP_KEEPALIVE_MS = 15_000;

/**
 * How often the map of a cluster is fetched again, in milliseconds: without calls, nothing else shows that a node is
 * back.
 */
const SLOTS_REFRESH_EVERY_MS = 3_000;

export type Connection = Redis | Cluster;

/** Opens nothing before `connect`. `retry` says how long to wait before the next attempt, in milliseconds. */
export function createConnection(target: RedisTarget, timeoutMs: number, retry: () => number): Connection {
  outliveSecondErrors();
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
 * fails with it, and is not sent again: whoever made the call knows that it failed.
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
