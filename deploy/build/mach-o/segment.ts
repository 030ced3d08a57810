// Segments: the parts of a Mach-O file that are mapped into memory, each named by a load command (LC_SEGMENT_64).
import { MachOError } from './mach-o-error.ts';

/** Bytes of the command before its sections, and of each section. */
const COMMAND_BYTES = 72;
const SECTION_BYTES = 80;

const NAME_BYTES = 16;

/** One segment; offsets and sizes in bytes. */
export interface Segment {
  readonly name: string;
  /** Of its load command in the file. */
  readonly commandOffset: number;
  readonly fileOffset: number;
  readonly fileSize: number;
  readonly sections: readonly Section[];
}

interface Section {
  readonly name: string;
  /** In the file; 0 for what is only memory. */
  readonly fileOffset: number;
  readonly size: number;
}

/** Reads the command of `size` bytes at `offset`, which the caller has found to be inside of the file. @throws MachOError */
export function readSegment(file: Buffer, offset: number, size: number): Segment {
  if (size < COMMAND_BYTES) throw new MachOError(`the segment command at ${offset} is cut short`);
  const name = readName(file, offset + 8);
  const fileOffset = readWide(file, offset + 40);
  const fileSize = readWide(file, offset + 48);
  const count = file.readUInt32LE(offset + 64);
  if (COMMAND_BYTES + count * SECTION_BYTES !== size)
    throw new MachOError(`the command of segment ${name} has no room for its ${count} sections`);
  if (fileOffset + fileSize > file.length)
    throw new MachOError(`segment ${name} ends at ${fileOffset + fileSize}, the file at ${file.length}`);
  const sections = Array.from({ length: count }, (_, index) => {
    const at = offset + COMMAND_BYTES + index * SECTION_BYTES;
    return {
      name: readName(file, at),
      size: readWide(file, at + 40),
      fileOffset: file.readUInt32LE(at + 48),
    };
  });
  return { name, commandOffset: offset, fileOffset, fileSize, sections };
}

/** Gives a segment another size in the file, and in memory what that takes, in pages of `pageBytes`. */
export function resizeSegment(file: Buffer, segment: Segment, fileSize: number, pageBytes: number): void {
  const memorySize = Math.ceil(fileSize / pageBytes) * pageBytes;
  file.writeBigUInt64LE(BigInt(memorySize), segment.commandOffset + 32);
  file.writeBigUInt64LE(BigInt(fileSize), segment.commandOffset + 48);
}

/** Numbers of 64 bits are sizes and places in a file here: what no double holds exactly is no such thing. */
function readWide(file: Buffer, offset: number): number {
  const value = file.readBigUInt64LE(offset);
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new MachOError(`the number at ${offset} is no size: ${value}`);
  return Number(value);
}

/** A name of 16 bytes, filled up with zeros. */
function readName(file: Buffer, offset: number): string {
  return file.toString('latin1', offset, offset + NAME_BYTES).replace(/\0.*$/s, '');
}
