// The code directory: the hash of each page of a program, which the kernel checks when it maps the page.
import { createHash } from 'node:crypto';
import { MachOError } from './mach-o-error.ts';

/** xnu, osfmk/kern/cs_blobs.h. Numbers are big-endian. */
const DIRECTORY_MAGIC = 0xfade0c02;
/** The first version that names the executable segment: 88 bytes before the identifier. */
const VERSION = 0x20400;
const HEADER_BYTES = 88;
/** Of the first version there was. */
const LEAST_HEADER_BYTES = 44;
const HASH_BYTES = 32;
const HASH_TYPE_SHA256 = 2;
/** No certificate behind it: the kernel believes the hashes, and the hash of all this is the program's name to it. */
const FLAG_AD_HOC = 0x2;
/** Of a program; an addon has no such flag. */
const EXECUTABLE_IS_MAIN = 1;

/** 4 KiB, on both processors, as Apple's own tool has it on Node. */
const PAGE_BITS = 12;

export interface CodeDirectory {
  readonly identifier: string;
  readonly isAdHoc: boolean;
  /** How many bytes of the file the hashes are of, from its beginning on. */
  readonly codeLimit: number;
  readonly pageBytes: number;
  readonly pageHashes: readonly Buffer[];
  /** Hashes of the signature's other parts, by their slot; only what is not all zeros. */
  readonly partHashes: ReadonlyMap<number, Buffer>;
}

export interface CodeToSign {
  readonly identifier: string;
  readonly kind: 'program' | 'addon';
  /** The file from its beginning to the signature. */
  readonly code: Buffer;
  /** Bytes of __TEXT in the file, at whose beginning it lies. */
  readonly textBytes: number;
  /** The part of slot 2, the requirements. */
  readonly requirements: Buffer;
}

/** Builds the directory of an ad-hoc signature, with SHA-256. */
export function buildCodeDirectory({ identifier, kind, code, textBytes, requirements }: CodeToSign): Buffer {
  const name = Buffer.from(`${identifier}\0`);
  // Slots that are not pages count downwards from the first page: requirements are -2, the (absent) Info.plist is -1.
  const special = [hashOf(requirements), Buffer.alloc(HASH_BYTES)];
  const pages = hashPages(code, 1 << PAGE_BITS);
  const hashOffset = HEADER_BYTES + name.length + special.length * HASH_BYTES;

  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(DIRECTORY_MAGIC, 0);
  header.writeUInt32BE(hashOffset + pages.length * HASH_BYTES, 4);
  header.writeUInt32BE(VERSION, 8);
  header.writeUInt32BE(FLAG_AD_HOC, 12);
  header.writeUInt32BE(hashOffset, 16);
  header.writeUInt32BE(HEADER_BYTES, 20);
  header.writeUInt32BE(special.length, 24);
  header.writeUInt32BE(pages.length, 28);
  header.writeUInt32BE(code.length, 32);
  header.writeUInt8(HASH_BYTES, 36);
  header.writeUInt8(HASH_TYPE_SHA256, 37);
  header.writeUInt8(PAGE_BITS, 39);
  header.writeBigUInt64BE(BigInt(textBytes), 72);
  header.writeBigUInt64BE(kind === 'program' ? BigInt(EXECUTABLE_IS_MAIN) : 0n, 80);
  return Buffer.concat([header, name, ...special, ...pages]);
}

/** Whether it has the hashes that `readCodeDirectory` takes; there may be an older directory beside it. */
export function isSha256Directory(part: Buffer): boolean {
  return (
    part.length >= LEAST_HEADER_BYTES &&
    part.readUInt32BE(0) === DIRECTORY_MAGIC &&
    part.readUInt8(36) === HASH_BYTES &&
    part.readUInt8(37) === HASH_TYPE_SHA256
  );
}

/** Reads a directory of `isSha256Directory`. @throws MachOError where it contradicts itself */
export function readCodeDirectory(part: Buffer): CodeDirectory {
  const hashOffset = part.readUInt32BE(16);
  const identifierOffset = part.readUInt32BE(20);
  const specialCount = part.readUInt32BE(24);
  const pageCount = part.readUInt32BE(28);
  const codeLimit = part.readUInt32BE(32);
  const pageBytes = 2 ** part.readUInt8(39);
  const identifierEnd = part.indexOf(0, identifierOffset);
  if (
    hashOffset - specialCount * HASH_BYTES < LEAST_HEADER_BYTES ||
    hashOffset + pageCount * HASH_BYTES > part.length ||
    identifierOffset < LEAST_HEADER_BYTES ||
    identifierEnd === -1
  )
    throw new MachOError('its code directory has parts outside of itself');
  if (pageCount !== Math.ceil(codeLimit / pageBytes))
    throw new MachOError(`its code directory has ${pageCount} hashes for ${codeLimit} bytes`);
  const hashAt = (number: number): Buffer =>
    part.subarray(hashOffset + number * HASH_BYTES, hashOffset + (number + 1) * HASH_BYTES);
  const partHashes = Array.from({ length: specialCount }, (_, index) => index + 1)
    .map((slot) => [slot, hashAt(-slot)] as const)
    .filter(([, hash]) => hash.some((byte) => byte !== 0));
  return {
    identifier: part.toString('utf8', identifierOffset, identifierEnd),
    isAdHoc: (part.readUInt32BE(12) & FLAG_AD_HOC) !== 0,
    codeLimit,
    pageBytes,
    pageHashes: Array.from({ length: pageCount }, (_, number) => hashAt(number)),
    partHashes: new Map(partHashes),
  };
}

/** SHA-256 of each page; the last one is as long as what is left. */
export function hashPages(code: Buffer, pageBytes: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(code.length / pageBytes) }, (_, number) =>
    hashOf(code.subarray(number * pageBytes, (number + 1) * pageBytes)),
  );
}

export function hashOf(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
