// A small Mach-O program: a header, four load commands and a few pages, as a linker would leave them without a signature.

const PAGE_BYTES = 0x4000;
const HEADER_BYTES = 32;
const SEGMENT_BYTES = 72;
const SECTION_BYTES = 80;

/** Offsets in it that tests spoil. */
export const SMALL_MACH_O = {
  processorAt: 4,
  fileTypeAt: 12,
  commandCountAt: 16,
  commandBytesAt: 20,
  /** Of the first command, __TEXT. */
  firstCommandAt: HEADER_BYTES,
  textBytes: PAGE_BYTES,
  /** An odd number, as symbols have it. */
  linkEditBytes: 4_321,
} as const;

/** `room` bytes are left between the last command and the first section. */
export function makeSmallMachO(room = 400): Buffer {
  const commands = [
    segment('__TEXT', 0, PAGE_BYTES, true),
    segment('__LINKEDIT', PAGE_BYTES, SMALL_MACH_O.linkEditBytes, false),
    // LC_BUILD_VERSION, which the signature has no business with.
    words([0x32, 24, 1, 0x000d_0500, 0x000f_0500, 0]),
  ];
  const commandBytes = commands.reduce((sum, { length }) => sum + length, 0);
  const header = words([0xfeedfacf, 0x0100000c, 0, 2, commands.length, commandBytes, 0x200085, 0]);
  const file = Buffer.alloc(PAGE_BYTES + SMALL_MACH_O.linkEditBytes);
  for (let at = 0; at < file.length; at += 1) file[at] = (at * 7 + (at >> 8)) & 0xff;
  const head = Buffer.concat([header, ...commands]);
  head.writeUInt32LE(head.length + room, HEADER_BYTES + SEGMENT_BYTES + 48);
  head.copy(file);
  file.fill(0, head.length, head.length + room);
  return file;
}

function segment(name: string, offset: number, size: number, hasSection: boolean): Buffer {
  const bytes = Buffer.alloc(SEGMENT_BYTES + (hasSection ? SECTION_BYTES : 0));
  bytes.writeUInt32LE(0x19, 0);
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.write(name, 8, 'latin1');
  bytes.writeBigUInt64LE(0x1_0000_0000n + BigInt(offset), 24);
  bytes.writeBigUInt64LE(BigInt(Math.ceil(size / PAGE_BYTES) * PAGE_BYTES), 32);
  bytes.writeBigUInt64LE(BigInt(offset), 40);
  bytes.writeBigUInt64LE(BigInt(size), 48);
  bytes.writeUInt32LE(hasSection ? 1 : 0, 64);
  if (hasSection) {
    bytes.write('__text', SEGMENT_BYTES, 'latin1');
    bytes.write(name, SEGMENT_BYTES + 16, 'latin1');
  }
  return bytes;
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes;
}
