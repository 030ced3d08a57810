// The relay's own address: what the commands on the usage page point at.
import { isPrivateUrl } from '#shared/protocol/loopback.ts';

/** Both bases are without a slash at the end. */
export interface OwnAddress {
  /** `https://relay.example.com`, for downloads. */
  readonly http: string;
  /** `wss://relay.example.com`, for agents and clients. */
  readonly ws: string;
  readonly host: string;
  /** True where somebody on the way could change a download: plain HTTP to another machine. */
  readonly isExposed: boolean;
}

/** A DNS name (underscores included, as container networks use them), an IPv4 or a bracketed IPv6 address; then a port. */
const HOST_PATTERN = /^(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/** The address that an operator gave (`PUBLIC_URL`); a path is kept. Throws a TypeError if it is not an http(s) URL. */
export function addressFromPublicUrl(publicUrl: string | URL): OwnAddress {
  const url = new URL(publicUrl);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new TypeError(`the public URL must be http or https: ${url.href}`);
  return addressFrom(url);
}

/**
 * The address under which a request came. Undefined if its host is not one that may stand in a shell command: people
 * paste what this page shows.
 */
export function addressFromRequest(protocol: string, host: string): OwnAddress | undefined {
  if (!HOST_PATTERN.test(host)) return undefined;
  const text = `${protocol === 'https' ? 'https' : 'http'}://${host}`;
  return URL.canParse(text) ? addressFrom(new URL(text)) : undefined;
}

function addressFrom(url: URL): OwnAddress {
  const isSecure = url.protocol === 'https:';
  const rest = `://${url.host}${url.pathname.replace(/\/+$/, '')}`;
  return {
    http: `${isSecure ? 'https' : 'http'}${rest}`,
    ws: `${isSecure ? 'wss' : 'ws'}${rest}`,
    host: url.host,
    isExposed: !isPrivateUrl(url),
  };
}
