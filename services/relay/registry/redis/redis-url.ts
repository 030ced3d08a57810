// The Redis URL: where the registry's Redis is, and how to reach it. Text in, a value or a fault out; nothing is opened.

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** Neither is ever part of a message. An absent user name is Redis' default user. */
export interface RedisLogin {
  readonly username?: string;
  readonly password: string;
}

interface CommonTarget {
  readonly login: RedisLogin | undefined;
  readonly tls: boolean;
}

export interface SingleTarget extends CommonTarget, RedisAddress {
  readonly kind: 'single';
  readonly database: number;
}

export interface SentinelTarget extends CommonTarget {
  readonly kind: 'sentinel';
  readonly sentinels: readonly RedisAddress[];
  /** The name under which the sentinels know the master. */
  readonly master: string;
  readonly database: number;
  /** For the sentinels themselves; `login` is for the master. */
  readonly sentinelLogin: RedisLogin | undefined;
}

export interface ClusterTarget extends CommonTarget {
  readonly kind: 'cluster';
  /** Any of the nodes; the others are learnt from them. */
  readonly nodes: readonly RedisAddress[];
}

export type RedisTarget = SingleTarget | SentinelTarget | ClusterTarget;

export type RedisUrlResult =
  | { readonly kind: 'valid'; readonly target: RedisTarget }
  /** One sentence that fits behind `REDIS_URL: `; it repeats nothing of the URL's user, password or hosts. */
  | { readonly kind: 'invalid'; readonly fault: string };

/** The forms, as an error message and the documentation show them. */
export const REDIS_URL_FORMS =
  'redis://[USER:PASSWORD@]HOST[:6379][/DB], redis+sentinel://[USER:PASSWORD@]HOST[:26379],HOST,…/MASTER[/DB], ' +
  'redis+cluster://[USER:PASSWORD@]HOST[:6379],HOST,…; with TLS rediss://, rediss+sentinel://, rediss+cluster://';

const SCHEME = /^(rediss?)(?:\+(sentinel|cluster))?:\/\//;
/** A name, an IPv4 address, or an IPv6 address in brackets; then a port. */
const ADDRESS = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?))(?::(\d{1,5}))?$/;
const MASTER_NAME = /^[A-Za-z0-9._-]{1,128}$/;
const DATABASE = /^\d{1,5}$/;
const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;

/** Ends the parse; caught in this file. */
class UrlFault extends Error {}

/**
 * Reads a Redis URL:
 *
 * - `redis://[USER:PASSWORD@]HOST[:6379][/DB]`: one server (or a proxy, or a managed service's primary endpoint).
 * - `redis+sentinel://[USER:PASSWORD@]HOST[:26379],HOST,…/MASTER[/DB]`: the master that the sentinels name. Sentinels
 * with a password of their own: `?sentinel_password=…`, and `&sentinel_username=…` where they have users.
 * - `redis+cluster://[USER:PASSWORD@]HOST[:6379],HOST,…`: Redis Cluster; any of its nodes.
 * - `rediss://`, `rediss+sentinel://`, `rediss+cluster://`: the same with TLS, to the sentinels too. Certificates are
 * checked against the hosts that are dialled; a private CA comes from NODE_EXTRA_CA_CERTS.
 *
 * A password without a user is `:PASSWORD@`. What is special in a URL (`/ ? # @ : %`) is percent-encoded in both.
 */
export function parseRedisUrl(text: string): RedisUrlResult {
  try {
    return { kind: 'valid', target: readTarget(text) };
  } catch (error) {
    if (error instanceof UrlFault) return { kind: 'invalid', fault: error.message };
    throw error;
  }
}

/** For logs: what is dialled, without user or password. */
export function describeRedisTarget(target: RedisTarget): string {
  const scheme = target.tls ? 'rediss' : 'redis';
  switch (target.kind) {
    case 'single':
      return `${scheme}://${formatAddress(target)}/${target.database}`;
    case 'sentinel':
      return `${scheme}+sentinel://${target.sentinels.map(formatAddress).join(',')}/${target.master}/${target.database}`;
    case 'cluster':
      return `${scheme}+cluster://${target.nodes.map(formatAddress).join(',')}`;
  }
}

function readTarget(text: string): RedisTarget {
  const [scheme, name, topology] = SCHEME.exec(text) ?? [];
  if (scheme === undefined) throw new UrlFault(`is none of ${REDIS_URL_FORMS}`);
  const tls = name === 'rediss';
  const rest = text.slice(scheme.length);
  if (rest.includes('#')) throw new UrlFault('has a #: percent-encode it in the password');
  const [beforeQuery = '', ...queries] = rest.split('?');
  const [authority = '', ...path] = beforeQuery.split('/');
  const hint = authority.includes('@') || !rest.includes('@');
  if (!hint) throw new UrlFault('has a / or ? before the @: percent-encode it in user and password');
  const query = new URLSearchParams(queries.join('?'));
  if (topology !== 'sentinel' && queries.length > 0) throw new UrlFault('takes no ? parameters in this form');

  const at = authority.lastIndexOf('@');
  const login = at < 0 ? undefined : readLogin(authority.slice(0, at));
  const hosts = authority.slice(at + 1).split(',');
  switch (topology) {
    case 'sentinel': {
      const [master = '', database, ...more] = path;
      if (!MASTER_NAME.test(master)) throw new UrlFault('names no master: add /MASTER behind the sentinels');
      return {
        kind: 'sentinel',
        sentinels: readAddresses(hosts, SENTINEL_PORT),
        master,
        database: readDatabase(database, more),
        login,
        sentinelLogin: readSentinelLogin(query),
        tls,
      };
    }
    case 'cluster':
      if (path.some((part) => part !== ''))
        throw new UrlFault('names a database: Redis Cluster has only one');
      return { kind: 'cluster', nodes: readAddresses(hosts, REDIS_PORT), login, tls };
    default: {
      const [address, ...others] = readAddresses(hosts, REDIS_PORT);
      if (address === undefined || others.length > 0)
        throw new UrlFault('names several hosts: that takes redis+sentinel:// or redis+cluster://');
      const [database, ...more] = path;
      return { kind: 'single', ...address, database: readDatabase(database, more), login, tls };
    }
  }
}

function readLogin(text: string): RedisLogin {
  const colon = text.indexOf(':');
  if (colon < 0) throw new UrlFault('has a user without a password: write USER:PASSWORD@, or :PASSWORD@');
  const username = decode(text.slice(0, colon));
  const password = decode(text.slice(colon + 1));
  if (password === '')
    throw new UrlFault('has an empty password: leave out everything up to the @, or fill it in');
  return username === '' ? { password } : { username, password };
}

function readSentinelLogin(query: URLSearchParams): RedisLogin | undefined {
  const { sentinel_username: username, sentinel_password: password, ...others } = Object.fromEntries(query);
  if (Object.keys(others).length > 0)
    throw new UrlFault(
      'has unknown ? parameters: sentinel_username and sentinel_password are the known ones',
    );
  if (password !== undefined && password !== '')
    return username === undefined || username === '' ? { password } : { username, password };
  if (username !== undefined) throw new UrlFault('has a sentinel_username without a sentinel_password');
  return undefined;
}

function readAddresses(hosts: readonly string[], defaultPort: number): RedisAddress[] {
  return hosts.map((text, index) => {
    const place = hosts.length === 1 ? 'the host' : `host ${index + 1} of ${hosts.length}`;
    if (text === '') throw new UrlFault(`${place} is empty`);
    const [, v6, name, digits] = ADDRESS.exec(text) ?? [];
    const host = v6 ?? name;
    if (host === undefined) throw new UrlFault(`${place} is not HOST or HOST:PORT`);
    const port = digits === undefined ? defaultPort : Number(digits);
    if (port < 1 || port > 65_535) throw new UrlFault(`the port of ${place} is not from 1 to 65535`);
    return { host, port };
  });
}

function readDatabase(text: string | undefined, more: readonly string[]): number {
  if (more.length > 0) throw new UrlFault('has more path than a database number');
  if (text === undefined || text === '') return 0;
  if (!DATABASE.test(text)) throw new UrlFault('has a database that is not a number');
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UrlFault('has a % in user or password that encodes nothing: write %25 for a percent sign');
  }
}

function formatAddress({ host, port }: RedisAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
