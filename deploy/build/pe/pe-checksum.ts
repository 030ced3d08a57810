// The checksum of a PE file: Windows looks at it for drivers alone, and scanners for whether somebody was careless.
import { readPeHeader } from './pe-header.ts';

/** Writes the checksum that the content has into its place. @throws PeError */
export function writePeChecksum(file: Buffer): void {
  const { checksumOffset } = readPeHeader(file);
  file.writeUInt32LE(0, checksumOffset);
  let sum = 0;
  for (let offset = 0; offset < file.length; offset += 2) {
    sum += offset + 1 < file.length ? file.readUInt16LE(offset) : file.readUInt8(offset);
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  file.writeUInt32LE(sum + file.length, checksumOffset);
}
