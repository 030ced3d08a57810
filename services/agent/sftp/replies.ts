// The replies: how packets to the client are built, and the outlet that writes them to the channel.
import type { Stats } from 'node:fs';
import type { Duplex } from 'node:stream';
import { TurnCork } from '#shared/stream/turn-cork.ts';
import { writeStats } from './attributes.ts';
import type { BufferPool } from './packet-reader.ts';
import { SftpPacketWriter } from './packet-writer.ts';
import type { StatusRefusal } from './refusal.ts';
import { PacketType, StatusCode } from './wire.ts';

/** What stands before the bytes of a DATA reply: length field, type, request id and the length of the string. */
export const DATA_HEADER_BYTES = 13;

/** Of the length field, which does not count itself. */
const LENGTH_BYTES = 4;

const NO_LANGUAGE = '';
const NO_ATTRIBUTES = 0;

/** What carries the channel, and other channels beside it. */
export interface Transport {
  readonly isCrowded: boolean;
  whenWritable(callback: () => void): void;
}

/** Writes replies to the channel, those of one turn together, and says when the channel has had enough. */
export class ReplyOutlet {
  readonly #channel: Duplex;
  readonly #transport: Transport | undefined;
  readonly #pool: BufferPool;
  /** Replies come one a callback, as the file system answers. */
  readonly #cork: TurnCork;
  readonly #onOpen: () => void;
  /** Something will call `#reopen`. */
  #isShut = false;

  /** `onOpen` is called when the channel takes replies again. */
  constructor(channel: Duplex, transport: Transport | undefined, pool: BufferPool, onOpen: () => void) {
    this.#channel = channel;
    this.#transport = transport;
    this.#pool = pool;
    this.#cork = new TurnCork(channel, 'loop');
    this.#onOpen = onOpen;
  }

  /** False: produce no more until `onOpen`. What is sent nevertheless is kept, not lost. */
  hasRoom(): boolean {
    if (!this.#isShut && this.#transport?.isCrowded === true) {
      this.#isShut = true;
      this.#transport.whenWritable(this.#reopen);
    }
    return !this.#isShut;
  }

  /** Takes `reply` over: its memory goes back to the pool when the channel has taken it. */
  send(reply: Buffer): void {
    this.#cork.hold();
    const hasRoom = this.#channel.write(reply, () => this.#pool.give(reply));
    if (hasRoom || this.#isShut) return;
    this.#isShut = true;
    this.#channel.once('drain', this.#reopen);
  }

  readonly #reopen = (): void => {
    this.#isShut = false;
    this.#onOpen();
  };
}

export function okReply(id: number): Buffer {
  return statusReply(id, StatusCode.OK, 'success');
}

export function eofReply(id: number): Buffer {
  return statusReply(id, StatusCode.EOF, 'end of file');
}

export function refusalReply(id: number, refusal: StatusRefusal): Buffer {
  return statusReply(id, StatusCode[refusal.code], refusal.message);
}

function statusReply(id: number, code: number, message: string): Buffer {
  return new SftpPacketWriter(PacketType.STATUS)
    .u32(id)
    .u32(code)
    .string(message)
    .string(NO_LANGUAGE)
    .finish();
}

export function handleReply(id: number, handle: Buffer): Buffer {
  return new SftpPacketWriter(PacketType.HANDLE).u32(id).string(handle).finish();
}

/** `reply` has `count` bytes of the file behind DATA_HEADER_BYTES, which are filled in here: no copy is made. */
export function dataReply(id: number, reply: Buffer, count: number): Buffer {
  reply.writeUInt32BE(DATA_HEADER_BYTES - LENGTH_BYTES + count, 0);
  reply.writeUInt8(PacketType.DATA, 4);
  reply.writeUInt32BE(id, 5);
  reply.writeUInt32BE(count, 9);
  return reply.subarray(0, DATA_HEADER_BYTES + count);
}

/** A NAME reply with one path and no attributes: the answer to REALPATH, READLINK and their kin. */
export function pathReply(id: number, path: Buffer): Buffer {
  return new SftpPacketWriter(PacketType.NAME)
    .u32(id)
    .u32(1)
    .string(path)
    .string(path)
    .u32(NO_ATTRIBUTES)
    .finish();
}

export function attributesReply(id: number, stats: Stats): Buffer {
  const packet = new SftpPacketWriter(PacketType.ATTRS).u32(id);
  writeStats(packet, stats);
  return packet.finish();
}

/** An EXTENDED_REPLY, to which the caller adds the fields of the extension. */
export function startExtendedReply(id: number): SftpPacketWriter {
  return new SftpPacketWriter(PacketType.EXTENDED_REPLY).u32(id);
}
