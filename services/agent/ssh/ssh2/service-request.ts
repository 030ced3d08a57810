// Requests to log in that ssh2 ends the connection over without a word.
import type { Connection } from 'ssh2';
import { WireReader } from '#shared/ssh/strings.ts';
import { fieldsOf } from './fields.ts';
import { type Interceptors, MESSAGE } from './inbound.ts';
import { disconnect, refuseMessage } from './outbound.ts';

const USERAUTH_SERVICE = 'ssh-userauth';
/** What ssh2 knows how to pass on. */
const METHODS: ReadonlySet<string> = new Set([
  'none',
  'password',
  'publickey',
  'hostbased',
  'keyboard-interactive',
]);

/**
 * As sshd (auth2.c): a client may ask for the service again before it is logged in, as paramiko does for every further
 * attempt; another service, or another user name than in the first attempt, ends the connection with words; a method that is
 * not known fails like one that is not offered (RFC 4252 section 5.1).
 * Upstream: lib/server.js, SERVICE_REQUEST would have to look at `authenticated` instead of `acceptedAuthSvc`, and
 * USERAUTH_REQUEST to reject unknown methods instead of disconnecting.
 */
export function takeRepeatedLogins(connection: Connection, interceptors: Interceptors): void {
  const { _protocol: protocol } = fieldsOf(connection);
  const { _handlers: handlers } = protocol;
  let isAccepted = false;
  let first: { readonly user: string; readonly service: string } | undefined;

  interceptors[MESSAGE.SERVICE_REQUEST] = (payload, next) => {
    const service = new WireReader(payload.subarray(1)).string()?.toString();
    if (service !== undefined && service !== USERAUTH_SERVICE) {
      return disconnect(connection, `bad service request ${service.slice(0, 64)}`);
    }
    if (!isAccepted || service === undefined) {
      isAccepted = service !== undefined;
      return next(payload);
    }
    protocol.serviceAccept(service);
    return undefined;
  };
  interceptors[MESSAGE.USERAUTH_REQUEST] = (payload, next) => {
    if (!isAccepted) return refuseMessage(connection);
    const reader = new WireReader(payload.subarray(1));
    const user = reader.string()?.toString();
    const service = reader.string()?.toString();
    if (user === undefined || service === undefined) return next(payload);
    first ??= { user, service };
    if (first.user === user && first.service === service) return next(payload);
    const change = `(${first.user},${first.service}) -> (${user},${service})`;
    return disconnect(connection, `Change of username or service not allowed: ${change.slice(0, 200)}`);
  };

  const request = handlers.USERAUTH_REQUEST.bind(handlers);
  handlers.USERAUTH_REQUEST = (from, user, service, method, methodData) => {
    if (METHODS.has(method)) request(from, user, service, method, methodData);
    else request(from, user, service, 'none', null);
  };
}
