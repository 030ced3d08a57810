// The super blob: the container of a signature's parts, each under the number of its slot (xnu, osfmk/kern/cs_blobs.h).
import { MachOError } from './mach-o-error.ts';

const SUPER_BLOB_MAGIC = 0xfade0cc0;
const HEADER_BYTES = 12;
const INDEX_BYTES = 8;

export const SLOT_CODE_DIRECTORY = 0;
export const SLOT_REQUIREMENTS = 2;
/** Of further code directories, with other hashes: Apple's own tool wrote SHA-1 and SHA-256 beside each other. */
export const SLOTS_ALTERNATE: readonly number[] = [0x1000, 0x1001, 0x1002, 0x1003, 0x1004];
export const SLOT_CMS = 0x10000;

/** A part, with its magic number and length in front as all of them have. */
export interface SignaturePart {
  readonly slot: number;
  readonly bytes: Buffer;
}

/** A part of this kind: magic number, length, content. */
export function buildPart(magic: number, content: Buffer): Buffer {
  const bytes = Buffer.alloc(8 + content.length);
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt32BE(bytes.length, 4);
  content.copy(bytes, 8);
  return bytes;
}

export function buildSuperBlob(parts: readonly SignaturePart[]): Buffer {
  const index = Buffer.alloc(4 + parts.length * INDEX_BYTES);
  index.writeUInt32BE(parts.length, 0);
  let offset = HEADER_BYTES + parts.length * INDEX_BYTES;
  for (const [number, { slot, bytes }] of parts.entries()) {
    index.writeUInt32BE(slot, 4 + number * INDEX_BYTES);
    index.writeUInt32BE(offset, 8 + number * INDEX_BYTES);
    offset += bytes.length;
  }
  return buildPart(SUPER_BLOB_MAGIC, Buffer.concat([index, ...parts.map(({ bytes }) => bytes)]));
}

/** The parts of a signature; what follows its own length is filling. @throws MachOError */
export function readSuperBlob(signature: Buffer): readonly SignaturePart[] {
  if (signature.length < HEADER_BYTES || signature.readUInt32BE(0) !== SUPER_BLOB_MAGIC)
    throw new MachOError('its signature does not begin as one does');
  const length = signature.readUInt32BE(4);
  const count = signature.readUInt32BE(8);
  if (length > signature.length || HEADER_BYTES + count * INDEX_BYTES > length)
    throw new MachOError(`its signature is cut short: ${signature.length} bytes of ${length}`);
  return Array.from({ length: count }, (_, number) => {
    const at = HEADER_BYTES + number * INDEX_BYTES;
    const slot = signature.readUInt32BE(at);
    const offset = signature.readUInt32BE(at + 4);
    const size = offset + 8 <= length ? signature.readUInt32BE(offset + 4) : 0;
    if (size < 8 || offset + size > length)
      throw new MachOError(`part ${number} of its signature is outside of it`);
    return { slot, bytes: signature.subarray(offset, offset + size) };
  });
}
