// Messages of SSH by number, and the sending of one that ssh2 has no method for. RFC 4250 section 4.1.2.
import type { Connection } from 'ssh2';
import { protocolOf } from './fields.ts';

export const MESSAGE = {
  UNIMPLEMENTED: 3,
  SERVICE_REQUEST: 5,
  EXT_INFO: 7,
  KEXINIT: 20,
  CHANNEL_OPEN: 90,
  CHANNEL_OPEN_CONFIRMATION: 91,
  CHANNEL_REQUEST: 98,
} as const;

/** A number as SSH writes it: four bytes, the highest first. */
export function wireNumber(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Sends a payload, after the key exchange that is under way if there is one (as `sendPacket` in lib/protocol/utils.js). */
export function sendMessage(connection: Connection, payload: Buffer): void {
  const protocol = protocolOf(connection);
  const writer = protocol._packetRW.write;
  const start = writer.allocStart;
  const packet = writer.alloc(payload.length);
  payload.copy(packet, start);
  const finished = writer.finalize(packet);
  if (protocol._kexinit === undefined) protocol._cipher.encrypt(finished);
  else (protocol._queue ??= []).push(finished);
}
