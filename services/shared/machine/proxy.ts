// The proxy of the environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, read as curl and Go read them.
import { BlockList, isIP } from 'node:net';
import type { Environment } from './environment.ts';

export type ProxyChoice =
  | { readonly kind: 'direct' }
  | { readonly kind: 'proxy'; readonly url: URL }
  /** The variable has no use: the message names it, without the password that may be in it. */
  | { readonly kind: 'invalid'; readonly message: string };

/** Where curl expects a proxy whose port is not said, unless it is spoken to over TLS. */
const PROXY_PORT = '1080';

/** In a URL's text before the path: the port that a URL object does not distinguish from none. */
const NAMES_PORT_80 = /^[^:]*:\/*[^/?#]*:0*80(?:[/?#]|$)/;

/**
 * The proxy for `url` (ws:, wss:, http: or https:), from `env`; lower-case names come first, and HTTP_PROXY is read as well
 * as http_proxy. A value without a scheme is an http:// proxy, whatever is reached through it. An entry of NO_PROXY is `*`,
 * a domain (with its subdomains), an address or a CIDR range, each but the first and the last with an optional port.
 * Never throws.
 */
export function proxyFor(url: URL, env: Environment): ProxyChoice {
  const isSecure = url.protocol === 'wss:' || url.protocol === 'https:';
  const host = bareHost(url.hostname);
  const port = url.port === '' ? (isSecure ? '443' : '80') : url.port;
  const schemes = [isSecure ? 'https_proxy' : 'http_proxy', 'all_proxy'];
  const name = schemes.flatMap((name) => [name, name.toUpperCase()]).find((name) => textOf(env, name) !== '');
  const exempt = textOf(env, 'no_proxy') || textOf(env, 'NO_PROXY');
  if (name === undefined || isExempt(host, port, exempt)) return { kind: 'direct' };
  const value = textOf(env, name);
  const text = value.includes('://') ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy === undefined || proxy.hostname === '') {
    return {
      kind: 'invalid',
      message: `${name} does not name a proxy; expected http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT`,
    };
  }
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') {
    const found = `${proxy.protocol}//${proxy.host}`;
    return {
      kind: 'invalid',
      message: `${name} names ${found}: only http:// and https:// proxies are spoken`,
    };
  }
  proxy.username = escaped(proxy.username);
  proxy.password = escaped(proxy.password);
  if (proxy.protocol === 'http:' && proxy.port === '' && !NAMES_PORT_80.test(text)) proxy.port = PROXY_PORT;
  return { kind: 'proxy', url: proxy };
}

/** A `%` that begins no escape is itself to curl, and an error to whoever decodes the URL. */
function escaped(text: string): string {
  return text.replaceAll(/%(?![0-9a-f]{2})/gi, '%25');
}

function textOf(env: Environment, name: string): string {
  return (env[name] ?? '').trim();
}

function isExempt(host: string, port: string, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => entry !== '' && matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInRange(entry, host);
  if (isIP(bareHost(entry)) !== 0) return isSameAddress(bareHost(entry), host);
  const [, name = '', entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (entryPort !== undefined && entryPort !== port) return false;
  if (isIP(bareHost(name)) !== 0) return isSameAddress(bareHost(name), host);
  const domain = name.replace(/^\*?\./, '').replace(/\.$/, '');
  const asked = host.replace(/\.$/, '');
  return domain !== '' && (asked === domain || asked.endsWith(`.${domain}`));
}

function isSameAddress(address: string, host: string): boolean {
  return isInRange(`${address}/${isIP(address) === 6 ? 128 : 32}`, host);
}

function isInRange(range: string, host: string): boolean {
  const [network = '', bits = ''] = range.split('/');
  const family = isIP(bareHost(network));
  const isPrefix = /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32);
  if (family === 0 || isIP(host) !== family || !isPrefix) return false;
  const type = family === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(bareHost(network), Number(bits), type);
  return list.check(host, type);
}

function bareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}
