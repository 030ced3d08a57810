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
  /** It comes from this machine, but from a browser or a proxy that acts for somebody else; `sign` is what says so. */
  | { readonly kind: 'spoken_for'; readonly sign: string };

/**
 * Where whoever is on this machine comes from, to an IPv4 and to a dual-stack socket. Not all of 127/8: sidecars of a
 * service mesh pass on what comes from elsewhere by an address of their own there (Istio's is 127.0.0.6).
 */
const OWN_ADDRESSES: readonly string[] = ['127.0.0.1', '::ffff:127.0.0.1', '::1'];

/** What a proxy adds when it passes on what another asked for. */
const PROXY_HEADERS = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'forwarded',
  'via',
] as const;

/** How a browser says that the person typed the address, or that a page from here asks (W3C Fetch Metadata). */
const OWN_SITES: readonly unknown[] = [undefined, 'none', 'same-origin'];

/** No header makes a request local: only the address of its socket does, and headers can only take that away. */
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

/** A page whose name leads to this machine (DNS rebinding) gives itself away by that name. */
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
