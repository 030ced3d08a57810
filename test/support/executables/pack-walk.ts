// The files inside a program for Linux, read by the eyes of the tests alone: as deploy/launcher/launcher.h lays them out.
import { zstdDecompressSync } from 'node:zlib';

const MAX_FILES = 16;
const MAX_CHUNKS = 64;
const NAME_BYTES = 40;
const DIGEST_BYTES = 64;
const MAGIC = 'CONVERGE PACK 3\n';
/** Over the launcher and the index; the launcher compares it. */
const CHECK_BYTES = 8;

/** The index is the end of the file; in it, from its beginning, the table of files and that of chunks. In bytes. */
export const FILES_AT = DIGEST_BYTES + 16;
export const CHUNKS_AT = FILES_AT + MAX_FILES * (NAME_BYTES + 8);
export const INDEX_BYTES = CHUNKS_AT + MAX_CHUNKS * 16 + CHECK_BYTES + MAGIC.length;

/** The launcher, and what it unpacks, by name and in order. */
export interface PackWalk {
  readonly launcher: Buffer;
  readonly files: ReadonlyMap<string, Buffer>;
}

/** @throws Error where it is not as it should be */
export function walkPack(file: Buffer): PackWalk {
  const index = file.subarray(file.length - INDEX_BYTES);
  if (index.toString('latin1', INDEX_BYTES - MAGIC.length) !== MAGIC)
    throw new Error('there is no pack in it');
  const begin = Number(index.readBigUInt64LE(DIGEST_BYTES));
  const [fileCount, chunkCount] = [
    index.readUInt32LE(DIGEST_BYTES + 8),
    index.readUInt32LE(DIGEST_BYTES + 12),
  ];
  let at = begin;
  const chunks = Array.from({ length: chunkCount }, (_, number) => {
    const packed = Number(index.readBigUInt64LE(CHUNKS_AT + number * 16));
    const chunk = zstdDecompressSync(file.subarray(at, at + packed));
    at += packed;
    return chunk;
  });
  const all = Buffer.concat(chunks);
  const files = new Map<string, Buffer>();
  let done = 0;
  for (let number = 0; number < fileCount; number += 1) {
    const entry = FILES_AT + number * (NAME_BYTES + 8);
    const name = index.toString('latin1', entry, index.indexOf(0, entry));
    const bytes = Number(index.readBigUInt64LE(entry + NAME_BYTES));
    files.set(name, all.subarray(done, done + bytes));
    done += bytes;
  }
  if (done !== all.length) throw new Error(`its files have ${done} bytes, and its chunks ${all.length}`);
  return { launcher: file.subarray(0, begin), files };
}
