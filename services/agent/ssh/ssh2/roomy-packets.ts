// Packets that leave with headroom.
import type { Connection } from 'ssh2';
import { takeRandomBytes } from '#shared/machine/random-pool.ts';
import { allocateRoomy } from '#shared/stream/headroom.ts';
import { fieldsOf } from './fields.ts';

/** The length of the packet, and with it that of its padding (RFC 4253 section 6). */
const PACKET_LENGTH_BYTES = 4;
const PACKET_HEAD_BYTES = PACKET_LENGTH_BYTES + 1;
const AES_BLOCK_BYTES = 16;
const PADDING_MIN_BYTES = 4;
const GCM_TAG_BYTES = 16;

/**
 * Makes packets of AES-GCM with headroom, so that a stream puts its header before them and copies nothing. Their padding comes
 * from a pool: ssh2 asks the generator for every packet, which takes about as long as encrypting a large one. To be called after
 * every key exchange, which brings a new writer. (ssh2 encrypts such a packet where it lies, writes it and forgets
 * it: AESGCMCipherBinding in lib/protocol/crypto.js, whose `allocPacket` this is. Other ciphers go on as they are.)
 * Upstream: ciphers would have to take the function that allocates.
 */
export function makePacketsRoomy(connection: Connection): void {
  const { _protocol: protocol } = fieldsOf(connection);
  if (protocol._cipher.constructor.name !== 'AESGCMCipherBinding') return;
  const writer = protocol._packetRW.write;
  // One that compresses allocates payloads only; algorithms.ts offers none.
  if (writer.allocStart !== PACKET_HEAD_BYTES) return;
  const allocate = writer.alloc.bind(writer);
  writer.alloc = (payloadBytes, force) => {
    const isPayloadOnly = force !== true && protocol._kexinit !== undefined;
    return isPayloadOnly ? allocate(payloadBytes, force) : allocateGcmPacket(payloadBytes);
  };
}

/** A packet but for its payload, with room for its tag. The length is not encrypted, so not padded either (RFC 5647 section 7.2). */
function allocateGcmPacket(payloadBytes: number): Buffer {
  const unpadded = 1 + payloadBytes;
  const short = AES_BLOCK_BYTES - (unpadded % AES_BLOCK_BYTES);
  const padding = short < PADDING_MIN_BYTES ? short + AES_BLOCK_BYTES : short;
  const packet = allocateRoomy(PACKET_LENGTH_BYTES + unpadded + padding + GCM_TAG_BYTES);
  packet.writeUInt32BE(unpadded + padding, 0);
  packet.writeUInt8(padding, PACKET_LENGTH_BYTES);
  takeRandomBytes(padding).copy(packet, PACKET_HEAD_BYTES + payloadBytes);
  return packet;
}
