// The opening of channels: refusals that say why, and none in which a byte could never be sent. RFC 4254 section 5.1.
//
// Upstream: `reject` in lib/server.js would have to take a reason and a description; CHANNEL_OPEN and its confirmation must
// not be taken with a maximum packet size of 0, with which Channel._write never ends.
import type { Connection, RejectConnection } from 'ssh2';
import { WireReader } from '../wire.ts';
import { protocolOf } from './fields.ts';
import type { MessageHandler } from './inbound-messages.ts';

export const OPEN_FAILURE = {
  ADMINISTRATIVELY_PROHIBITED: 1,
  CONNECT_FAILED: 2,
  RESOURCE_SHORTAGE: 4,
} as const;

/** Refuses a channel with a reason that `ssh` prints; ssh2's own `reject` always says "connect failed" and nothing. */
export function refuseOpen(
  connection: Connection,
  reject: RejectConnection,
  reason: number,
  description: string,
): void {
  const protocol: { channelOpenFail?: (recipient: number, reason: number, description: string) => void } =
    protocolOf(connection);
  const send = protocol.channelOpenFail?.bind(protocol);
  // `reject` calls the protocol synchronously: shadow the method for that one call.
  protocol.channelOpenFail = (recipient) => {
    send?.(recipient, reason, description);
  };
  try {
    reject();
  } finally {
    delete protocol.channelOpenFail;
  }
}

/** A handler of CHANNEL_OPEN. */
export function refuseEmptyPackets(connection: Connection): MessageHandler {
  return (payload, pass) => {
    const reader = new WireReader(payload.subarray(1));
    reader.string();
    const sender = reader.raw(4)?.readUInt32BE(0);
    const packetBytes = reader.raw(4, 4)?.readUInt32BE(0);
    if (sender === undefined || packetBytes !== 0) return pass();
    const reason = OPEN_FAILURE.ADMINISTRATIVELY_PROHIBITED;
    protocolOf(connection).channelOpenFail(sender, reason, 'a packet of at most 0 bytes holds nothing');
    return undefined;
  };
}

/** A handler of CHANNEL_OPEN_CONFIRMATION: the channel is taken with the least that makes sense, and closes like any other. */
export const takeEmptyPacketsAsOne: MessageHandler = (payload, pass) => {
  const MAXIMUM_AT = 13;
  if (payload.length >= MAXIMUM_AT + 4 && payload.readUInt32BE(MAXIMUM_AT) === 0) {
    payload.writeUInt32BE(1, MAXIMUM_AT);
  }
  return pass();
};
