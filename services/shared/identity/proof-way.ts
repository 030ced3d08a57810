// The way of a proof: whether others could read it before the relay does.

/** Names of this machine; a URL has the shortest form of an address. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * True if only the relay reads what is sent to `relay` (ws: or wss:): over TLS, or on this machine. A proxy is another
 * machine.
 */
export function isPrivateWay(relay: URL, proxy: URL | undefined): boolean {
  if (relay.protocol === 'wss:' || relay.protocol === 'https:') return true;
  return proxy === undefined && LOOPBACK.test(relay.hostname);
}
