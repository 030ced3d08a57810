// Who asks for the list of sessions: another relay, a person on this machine, or somebody else.
import type { FastifyRequest } from 'fastify';
import { PEER_HEADER, type PeerVerdict } from '../../hop/peer-credentials.ts';
import { judgePeer, type PeerDoorOptions } from '../door/peer.ts';
import { isLoopback } from '../listener/internal-host.ts';

export type ListRequestVerdict =
  | { readonly kind: 'peer' }
  /** The socket itself comes from this machine: curl there, `kubectl port-forward`, `kubectl exec`. */
  | { readonly kind: 'local' }
  | { readonly kind: 'stranger' }
  | { readonly kind: 'rejected'; readonly verdict: Exclude<PeerVerdict, 'genuine'> }
  /**
   * It comes from this machine, but from a browser or a proxy that acts for somebody else; `sign` says what shows that.
   */
  | { readonly kind: 'spoken_for'; readonly sign: string };

/**
 * The addresses from which somebody on this machine asks, as an IPv4 and as a dual-stack socket show them. Not all of
 * 127/8: the sidecars of a service mesh use an address of that range (Istio: 127.0.0.6) for requests from elsewhere.
 */
const OWN_ADDRESSES: readonly string[] = ['127.0.0.1', '::ffff:127.0.0.1', '::1'];

/** Headers that a proxy adds when it passes on a request. */
const PROXY_HEADERS = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'forwarded',
  'via',
] as const;

/** Values of sec-fetch-site (W3C Fetch Metadata) of a person who typed the address, and of our own pages. */
const OWN_SITES: readonly unknown[] = [undefined, 'none', 'same-origin'];

/** Only the address of the socket makes a request local. Headers can take that away, and never give it. */
export function judgeListRequest(
  request: FastifyRequest,
  options: Omit<PeerDoorOptions, 'recorder'>,
): ListRequestVerdict {
  if (typeof request.headers[PEER_HEADER] === 'string') {
    const verdict = judgePeer(request, '', options);
    return verdict === 'genuine' ? { kind: 'peer' } : { kind: 'rejected', verdict };
  }
  const { remoteAddress = '' } = request.socket;
  if (!OWN_ADDRESSES.includes(remoteAddress)) return { kind: 'stranger' };
  const sign = signOfAnother(request);
  return sign === undefined ? { kind: 'local' } : { kind: 'spoken_for', sign };
}

/** The Host header gives away a page whose own name was made to lead here (DNS rebinding). */
function signOfAnother({ headers, host, hostname }: FastifyRequest): string | undefined {
  const proxied = PROXY_HEADERS.find((name) => headers[name] !== undefined);
  if (proxied !== undefined) return `the header ${proxied}`;
  if (!isOwnName(hostname)) return 'the name in the header host';
  if (headers.origin !== undefined && headers.origin !== `http://${host}`) return 'the header origin';
  return OWN_SITES.includes(headers['sec-fetch-site']) ? undefined : 'the header sec-fetch-site';
}

function isOwnName(name: string): boolean {
  return name.toLowerCase() === 'localhost' || isLoopback(name.replace(/^\[|\]$/g, ''));
}
