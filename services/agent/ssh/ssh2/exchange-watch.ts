// The beginning and the end of key exchanges.
import type { Connection } from 'ssh2';
import { type Interceptors, MESSAGE } from './inbound.ts';

/**
 * Calls `begun` when the client begins an exchange, `done` when its keys are in use. ssh2 has only `handshake` and `rekey`,
 * both at the end. Upstream: a `kexinit` event would do.
 */
export function watchExchanges(
  connection: Connection,
  interceptors: Interceptors,
  { begun, done }: { readonly begun: () => void; readonly done: () => void },
): void {
  const inner = interceptors[MESSAGE.KEXINIT];
  interceptors[MESSAGE.KEXINIT] = (payload, next) => {
    begun();
    return inner === undefined ? next(payload) : inner(payload, next);
  };
  connection.on('handshake', done);
}
