// The pack: what lies behind the launcher in a binary for Linux: the program, and the loader and libraries of the C library.
//
// Layout: launcher, chunks (zstd, in the order of the files), index. deploy/launcher/launcher.h has the index as a C struct, pack.c
// reads it.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { BuildError } from './build-error.ts';

const MAGIC = 'CONVERGE PACK 3\n';
const MAX_FILES = 16;
const MAX_CHUNKS = 64;
/** Of a file's name, with the zero at its end. */
const NAME_BYTES = 40;

/** How much is compressed as one: equal parts of two binaries are then compressed once, and the launcher needs little memory. */
export const CHUNK_BYTES = 32 * 1024 * 1024;

/** Of Node without its foreign languages, 22 leaves 22.1 MB after 25 s on two cores; 9 would leave 25. */
const ZSTD_LEVEL = 22;
/** 32 MiB: a chunk whole. */
const ZSTD_WINDOW_LOG = 25;

/** How chunks are coded: what was made another way is made again. */
export const CHUNK_CODING = `zstd ${ZSTD_LEVEL} ${ZSTD_WINDOW_LOG}`;

const PARAMETERS = {
  [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
  [constants.ZSTD_c_windowLog]: ZSTD_WINDOW_LOG,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/** A file as the launcher unpacks it. */
export interface PackedFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Compresses one chunk; the same from the same. */
export type CompressChunk = (chunk: Buffer) => Promise<Buffer>;

export const compressChunk: CompressChunk = async (chunk) =>
  await promisify(zstdCompress)(chunk, { params: PARAMETERS });

/**
 * `launcher` with `files` behind it: first the loader, then the program, then libraries and addons (`….node`).
 * @throws BuildError `bundle_broken` where that is more than the launcher takes
 */
export async function packFiles(
  launcher: Buffer,
  files: readonly PackedFile[],
  compress: CompressChunk = compressChunk,
): Promise<Buffer> {
  const chunks = files.flatMap(({ bytes }) => chunksOf(bytes));
  const longest = Math.max(...files.map(({ name }) => Buffer.byteLength(name)));
  if (files.length > MAX_FILES || chunks.length > MAX_CHUNKS || longest >= NAME_BYTES) {
    const found = `${files.length} files, ${chunks.length} chunks, a name of ${longest} bytes`;
    throw new BuildError('bundle_broken', `a binary has more than its launcher takes: ${found}`);
  }
  const packed = await Promise.all(chunks.map(compress));
  const hash = createHash('sha256');
  for (const chunk of packed) hash.update(chunk);
  const index = Buffer.concat([
    Buffer.from(hash.digest('hex'), 'latin1'),
    words64(launcher.length),
    words32(files.length, chunks.length),
    ...fill(files, MAX_FILES, NAME_BYTES + 8, ({ name, bytes }) =>
      Buffer.concat([Buffer.from(name.padEnd(NAME_BYTES, '\0'), 'latin1'), words64(bytes.length)]),
    ),
    ...fill(packed, MAX_CHUNKS, 16, (chunk, at) => words64(chunk.length, chunks[at]?.length ?? 0)),
  ]);
  const check = Buffer.alloc(8);
  check.writeBigUInt64LE(checkOf(launcher, index));
  return Buffer.concat([launcher, ...packed, index, check, Buffer.from(MAGIC, 'latin1')]);
}

/** FNV-1a of words in place of bytes, with a shift: the launcher finds by it that what has no checksum of its own is damaged (pack.c). */
function checkOf(...parts: readonly Buffer[]): bigint {
  let check = 0xcbf29ce484222325n;
  for (const part of parts) {
    const padded = Buffer.concat([part, Buffer.alloc(-part.length & 7)]);
    for (let at = 0; at < padded.length; at += 8) {
      check = BigInt.asUintN(64, (check ^ padded.readBigUInt64LE(at)) * 0x100000001b3n);
      check ^= check >> 32n;
    }
  }
  return check;
}

function chunksOf(bytes: Buffer): Buffer[] {
  const count = Math.ceil(bytes.length / CHUNK_BYTES);
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES));
}

/** A table of fixed length. */
function fill<Item>(
  items: readonly Item[],
  length: number,
  bytes: number,
  format: (item: Item, at: number) => Buffer,
): Buffer[] {
  return [...items.map(format), Buffer.alloc((length - items.length) * bytes)];
}

function words64(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [at, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * at);
  return bytes;
}

function words32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32LE(value, 4 * at);
  return bytes;
}
