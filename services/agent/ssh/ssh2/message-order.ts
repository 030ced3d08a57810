// Messages that come when they mean nothing, or that nobody knows.
import type { Connection } from 'ssh2';
import type { DecipherVerdict } from './fields.ts';
import { type Interceptors, MESSAGE } from './inbound.ts';
import { disconnect, refuseMessage } from './outbound.ts';

/** What may come at any time: DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, EXT_INFO, KEXINIT. */
const ALWAYS: ReadonlySet<number> = new Set([1, 2, 3, 4, 7, 20]);
const BEFORE_LOGIN: ReadonlySet<number> = new Set([MESSAGE.SERVICE_REQUEST, MESSAGE.USERAUTH_REQUEST]);
/** Global requests and their answers, channels: RFC 4254 section 9. */
const AFTER_LOGIN: ReadonlySet<number> = new Set([80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100]);
/** From here on types are for private use (RFC 4251 section 7). */
const LOCAL_FIRST = 192;
const TYPES = 256;

/**
 * Answers UNIMPLEMENTED, as sshd does, to unknown types (RFC 4253 section 11.4), and to types that belong before the login when
 * they come after it, or the other way round. Ends the connection over what can be no type. To be called after all other
 * interceptors are set.
 * Upstream: onPayload in lib/protocol/Protocol.js would have to answer where it logs "Unsupported message type", and know
 * what belongs when: a SERVICE_REQUEST or USERAUTH_REQUEST after the login ends the connection there.
 */
export function refuseMisplacedMessages(connection: Connection, interceptors: Interceptors): void {
  const afterLogin = interceptors.slice();
  const refuse = (payload: Buffer): DecipherVerdict => {
    const [type = 0] = payload;
    const isMessage = type > 0 && type < LOCAL_FIRST;
    return isMessage
      ? refuseMessage(connection)
      : disconnect(connection, `Invalid ssh2 packet type: ${type}`);
  };
  for (let type = 0; type < TYPES; type++) {
    if (ALWAYS.has(type)) continue;
    if (!BEFORE_LOGIN.has(type)) interceptors[type] = refuse;
    if (!AFTER_LOGIN.has(type)) afterLogin[type] = refuse;
  }
  connection.once('ready', () => {
    for (let type = 0; type < TYPES; type++) interceptors[type] = afterLogin[type];
  });
}
