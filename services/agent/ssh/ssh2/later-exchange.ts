// Messages that come during a later key exchange and do not belong to it.
import type { Connection } from 'ssh2';
import { fieldsOf } from './fields.ts';
import { type Interceptor, type Interceptors, MESSAGE } from './inbound.ts';

/** They may come at any time (RFC 4253 section 11); strict key exchange forbids them in the first one alone. */
const IGNORED = [MESSAGE.IGNORE, MESSAGE.UNIMPLEMENTED, MESSAGE.DEBUG] as const;
/** Global requests, channels, and their answers: RFC 4254 section 9. */
const SERVICE_FIRST = 80;
const SERVICE_LAST = 100;

/**
 * Takes what sshd takes. IGNORE, UNIMPLEMENTED and DEBUG mean nothing. Messages of the service must not come between a
 * client's KEXINIT and its NEWKEYS (RFC 4253 section 7.1), but are taken with the keys that still hold. asyncssh sends an IGNORE
 * before every packet, also during a key exchange, and after its KEXINIT the data that made it ask for one. Strict key exchange
 * (OpenSSH PROTOCOL section 1.9) is about the first exchange only, which is left as it is.
 * Upstream: onKEXPayload in lib/protocol/kex.js would have to be strict until the first NEWKEYS, and pass on the others.
 */
export function laterExchanges(connection: Connection): Interceptors {
  const { _protocol: protocol } = fieldsOf(connection);
  let isFirst = true;
  connection.once('handshake', () => {
    isFirst = false;
  });
  const ignore: Interceptor = (payload, next) => (isFirst ? next(payload) : undefined);
  const serve: Interceptor = (payload, next) => (isFirst ? next(payload) : protocol._onPayload(payload));
  const interceptors: Interceptors = [];
  for (const type of IGNORED) interceptors[type] = ignore;
  for (let type = SERVICE_FIRST; type <= SERVICE_LAST; type++) interceptors[type] = serve;
  return interceptors;
}
