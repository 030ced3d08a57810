// The refusal of a channel, with a reason.
import type { Connection, RejectConnection } from 'ssh2';
import { fieldsOf, type Protocol } from './fields.ts';

/** RFC 4254 section 5.1. */
export const OPEN_FAILURE = {
  ADMINISTRATIVELY_PROHIBITED: 1,
  CONNECT_FAILED: 2,
  RESOURCE_SHORTAGE: 4,
} as const;

/**
 * Refuses a channel with a reason that `ssh` prints; ssh2's own `reject` always says "connect failed" and nothing.
 * Upstream: lib/server.js, `reject` would have to take a reason and a description.
 */
export function refuseOpen(
  connection: Connection,
  reject: RejectConnection,
  reason: number,
  description: string,
): void {
  const _protocol: Partial<Protocol> = fieldsOf(connection)._protocol;
  const send = _protocol.channelOpenFail?.bind(_protocol);
  // `reject` calls the protocol synchronously: shadow the method for that one call.
  _protocol.channelOpenFail = (recipient) => {
    send?.(recipient, reason, description);
  };
  try {
    reject();
  } finally {
    delete _protocol.channelOpenFail;
  }
}
