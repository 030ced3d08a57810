// Messages to the client that ssh2 has no method for.
import type { Connection } from 'ssh2';
import { wireString, wireUint32 } from '#shared/ssh/strings.ts';
import { type DecipherVerdict, fieldsOf } from './fields.ts';
import { MESSAGE } from './inbound.ts';

/** RFC 4253 section 11.1. */
const DISCONNECT_REASON = { PROTOCOL_ERROR: 2, BY_APPLICATION: 11 } as const;

/** Sends a message in its turn: during a key exchange it waits for the new keys. As sendPacket in lib/protocol/utils.js. */
export function sendMessage(connection: Connection, payload: Buffer): void {
  const { _protocol: protocol } = fieldsOf(connection);
  const writer = protocol._packetRW.write;
  const start = writer.allocStart;
  const packet = writer.alloc(payload.length);
  packet.set(payload, start);
  const finished = writer.finalize(packet);
  if (protocol._kexinit === undefined) {
    protocol._cipher.encrypt(finished);
    return;
  }
  protocol._queue ??= [];
  protocol._queue.push(finished);
}

/**
 * Ends the connection with a reason that the client prints. Nothing that comes after it is read: the verdict stops the
 * decipher. The connection's `error` event has the same words. Upstream: Protocol.disconnect would have to take a description.
 */
export function disconnect(connection: Connection, words: string): DecipherVerdict {
  const { _protocol: protocol } = fieldsOf(connection);
  sendDisconnect(connection, DISCONNECT_REASON.PROTOCOL_ERROR, words);
  protocol._destruct?.(words);
  protocol._onError(new Error(words));
  return Number.POSITIVE_INFINITY;
}

/** Says that this end hangs up as it was meant to, and why, in ASCII. Upstream: `end` of a connection says so without a word. */
export function sayGoodbye(connection: Connection, words: string): void {
  sendDisconnect(connection, DISCONNECT_REASON.BY_APPLICATION, words);
}

/** At once, also in a key exchange. */
function sendDisconnect(connection: Connection, reason: number, words: string): void {
  const { _protocol: protocol } = fieldsOf(connection);
  const writer = protocol._packetRW.write;
  const payload = Buffer.concat([
    Buffer.from([MESSAGE.DISCONNECT]),
    wireUint32(reason),
    wireString(words),
    wireString(''),
  ]);
  const start = writer.allocStartKEX;
  const packet = writer.alloc(payload.length, true);
  packet.set(payload, start);
  protocol._cipher.encrypt(writer.finalize(packet, true));
}

/** Says that the message that has just come is not known here (RFC 4253 section 11.4). */
export function refuseMessage(connection: Connection): DecipherVerdict {
  // The packet's own number was counted on before it was handed over.
  const { inSeqno } = fieldsOf(connection)._protocol._decipher;
  sendMessage(
    connection,
    Buffer.concat([Buffer.from([MESSAGE.UNIMPLEMENTED]), wireUint32((inSeqno - 1) >>> 0)]),
  );
  return undefined;
}
