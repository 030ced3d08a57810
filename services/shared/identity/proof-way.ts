// The way of a proof: whether others could read it before the relay does.
import { isLoopbackHost } from '#shared/protocol/loopback.ts';

/**
 * True if only the relay reads what is sent to `relay` (ws: or wss:): over TLS, or on this machine. A proxy is another
 * machine.
 */
export function isPrivateWay(relay: URL, proxy: URL | undefined): boolean {
  if (relay.protocol === 'wss:' || relay.protocol === 'https:') return true;
  return proxy === undefined && isLoopbackHost(relay.hostname);
}
