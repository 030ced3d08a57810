// Packets as large as OpenSSH takes them, once somebody has logged in.
import { createDecipheriv, createHmac, type DecipherGCM, type Hmac } from 'node:crypto';
import type { Connection } from 'ssh2';
import { wireUint32 } from '#shared/ssh/strings.ts';
import { type DecipherVerdict, fieldsOf } from './fields.ts';

/** The length of a packet, as OpenSSH's PACKET_MAX_SIZE: a command line of 100,000 bytes is one packet. */
export const MAX_SSH_PACKET_BYTES = 256 * 1024;
const LENGTH_BYTES = 4;
const AES_BLOCK_BYTES = 16;
const GCM_TAG_BYTES = 16;

type Decrypt = (data: Buffer, position: number, end: number) => DecipherVerdict;

interface Packet {
  readonly inSeqno: number;
  decrypt: Decrypt;
  /** Of the packet: its length, and how much of it and of what proves it has come. */
  _len: number;
  _pktLen: number;
}

interface GcmDecipher extends Packet {
  _lenBytes: number;
  readonly _tagPos: number;
}

interface NativeGcmDecipher extends GcmDecipher {
  _decipherInstance: DecipherGCM;
  readonly _decipherSSLName: 'aes-128-gcm' | 'aes-256-gcm';
  readonly _decipherKey: Buffer;
  readonly _decipherIV: Buffer;
}

interface GenericDecipher extends Packet {
  /** Of as many bytes as are decrypted to learn the length; with a MAC over what is encrypted nothing is. */
  readonly _block: Buffer;
  _blockPos: number;
  readonly _macPos: number;
  readonly _macActualLen: number;
  readonly _macETM: boolean;
  readonly _instance: { decryptBlock(block: Buffer): void };
}

interface NativeGenericDecipher extends GenericDecipher {
  readonly _decipherInstance: { update(bytes: Buffer): Buffer };
  readonly _macSSLName: string;
  readonly _macKey: Buffer;
  _macInstance: Hmac | null;
  _packet: Buffer | null;
  _packetPos: number;
}

/** How a kind of decipher reads the beginning of a packet. */
interface Head {
  /** Takes bytes of it, and gives the position after them; checks the length when it has all. */
  read(data: Buffer, position: number, end: number): number;
  isRead(): boolean;
  /** How many bytes of the packet are still to come after its head. */
  missing(): number;
}

/**
 * Takes packets of up to MAX_SSH_PACKET_BYTES after the login; before it ssh2's 35,000 bytes hold, so strangers cannot make the
 * agent keep more. Reads the beginning of every packet instead of ssh2, whose limit is in there, and hands over the rest.
 * Upstream: MAX_PACKET_SIZE in lib/protocol/crypto.js would have to be an option.
 */
export function takeLargePackets(connection: Connection): void {
  const { _protocol: protocol } = fieldsOf(connection);
  const take = (): void => {
    liftPacketLimit(protocol._decipher);
  };
  connection.once('ready', () => {
    take();
    connection.on('handshake', take);
  });
}

/** For one decipher, in whatever state it is; others than those for our algorithms stay as they are. */
export function liftPacketLimit(decipher: object): void {
  const head = headOf(decipher);
  if (head === undefined) return;
  const packet = decipher as Packet;
  const decrypt: Decrypt = packet.decrypt.bind(packet);
  packet.decrypt = (data, start, end) => {
    let position = start;
    while (position < end) {
      if (!head.isRead()) {
        position = head.read(data, position, end);
        if (!head.isRead() || position === end) return undefined;
      }
      const until = Math.min(end, position + head.missing());
      // What is taken from the start to the end of what is given is taken as it is, whatever its own length.
      const piece = position === 0 && until < data.length ? data.subarray(0, until) : data;
      const verdict = decrypt(piece, position, until);
      if (verdict !== undefined) return verdict;
      position = until;
    }
    return undefined;
  };
}

function headOf(decipher: object): Head | undefined {
  switch (decipher.constructor.name) {
    case 'AESGCMDecipherBinding':
      return gcmHead(decipher as GcmDecipher, () => {});
    case 'AESGCMDecipherNative': {
      const native = decipher as NativeGcmDecipher;
      return gcmHead(native, () => {
        beginNativeGcm(native);
      });
    }
    case 'GenericDecipherBinding': {
      const generic = decipher as GenericDecipher;
      // A block cipher's first block brings more than the length; algorithms.ts offers none.
      if (generic._block.length !== LENGTH_BYTES) return undefined;
      return genericHead(generic, () => {
        if (!generic._macETM) generic._instance.decryptBlock(generic._block);
        generic._len = checked(generic._block.readUInt32BE(0), generic._macETM ? 0 : LENGTH_BYTES);
        generic._pktLen = 0;
      });
    }
    case 'GenericDecipherNative': {
      const native = decipher as NativeGenericDecipher;
      return genericHead(native, () => {
        beginNativeGeneric(native);
      });
    }
    default:
      return undefined;
  }
}

function gcmHead(decipher: GcmDecipher, begin: () => void): Head {
  return {
    read(data, start, end) {
      const bytes = Math.min(LENGTH_BYTES - decipher._lenBytes, end - start);
      // Nearly always it is there as a whole.
      decipher._len =
        bytes === LENGTH_BYTES
          ? data.readUInt32BE(start)
          : decipher._len * 256 ** bytes + data.readUIntBE(start, bytes);
      decipher._lenBytes += bytes;
      if (decipher._lenBytes === LENGTH_BYTES) {
        checked(decipher._len, 0);
        begin();
      }
      return start + bytes;
    },
    isRead: () => decipher._lenBytes === LENGTH_BYTES,
    missing: () => decipher._len - decipher._pktLen + GCM_TAG_BYTES - decipher._tagPos,
  };
}

function beginNativeGcm(decipher: NativeGcmDecipher): void {
  const { _decipherSSLName: name, _decipherKey: key, _decipherIV: iv } = decipher;
  decipher._decipherInstance = createDecipheriv(name, key, iv);
  decipher._decipherInstance.setAutoPadding(false);
  decipher._decipherInstance.setAAD(wireUint32(decipher._len));
}

function genericHead(decipher: GenericDecipher, begin: () => void): Head {
  const { _block: block } = decipher;
  return {
    read(data, start, end) {
      const bytes = Math.min(block.length - decipher._blockPos, end - start);
      data.copy(block, decipher._blockPos, start, start + bytes);
      decipher._blockPos += bytes;
      if (decipher._blockPos === block.length) begin();
      return start + bytes;
    },
    isRead: () => decipher._blockPos === block.length,
    missing: () => decipher._len - decipher._pktLen + decipher._macActualLen - decipher._macPos,
  };
}

function beginNativeGeneric(decipher: NativeGenericDecipher): void {
  const { _block: block, _macETM: isEtm } = decipher;
  const plain = isEtm ? block : decipher._decipherInstance.update(block);
  decipher._len = checked(plain.readUInt32BE(0), isEtm ? 0 : LENGTH_BYTES);
  const mac = createHmac(decipher._macSSLName, decipher._macKey);
  mac.update(wireUint32(decipher.inSeqno));
  mac.update(plain.subarray(0, LENGTH_BYTES));
  decipher._macInstance = mac;
  if (isEtm) return;
  decipher._packet = Buffer.allocUnsafe(decipher._len);
  decipher._pktLen = plain.copy(decipher._packet, 0, LENGTH_BYTES);
  decipher._packetPos = decipher._pktLen;
}

/** Gives back a length that may be, where `encrypted` bytes of it are encrypted with the packet (RFC 4253 section 6). */
function checked(length: number, encrypted: number): number {
  const isWhole = (length + encrypted) % AES_BLOCK_BYTES === 0;
  if (length <= MAX_SSH_PACKET_BYTES && length + encrypted >= AES_BLOCK_BYTES && isWhole) return length;
  throw new Error(`Bad packet length: ${length}`);
}
