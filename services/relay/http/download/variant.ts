// Variants: the forms in which a file is there, opened, and read as what a client asked for.
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { ByteSpan } from './byte-range.ts';
import type { ContentCoding } from './content-coding.ts';

/** An open file, so that a rebuild during the download cannot mix two versions. The holder closes it. */
export interface Variant {
  readonly coding: ContentCoding;
  readonly file: FileHandle;
  /** Of what is sent, in bytes. */
  readonly size: number;
  /**
   * The file is the gzip of what is sent: an image holds the large programs in that form alone. It has no ranges: to unpack all
   * for a few bytes at the end would be much work for a stranger's short question.
   */
  readonly isPacked: boolean;
}

const EXTENSIONS: Readonly<Record<ContentCoding, string>> = { zstd: '.zst', gzip: '.gz', identity: '' };

/** A third of what it becomes; with zlib's own 40 kB it is no more memory for each download than a plain file takes. */
const PACKED_READ_BYTES = 16 * 1_024;

/** The last bytes of a gzip file: the size of what is in it, modulo 2^32 (RFC 1952 section 2.3.1). */
const GZIP_SIZE_BYTES = 4;

/** Opens the first form that is there; undefined if none is that could be sent. */
export async function openVariant(
  path: string,
  codings: readonly ContentCoding[],
): Promise<Variant | undefined> {
  for (const coding of codings.includes('identity') ? codings : [...codings, 'identity' as const]) {
    const file = await openIfThere(path + EXTENSIONS[coding]);
    if (file !== undefined) return { coding, file, size: (await file.stat()).size, isPacked: false };
  }
  const file = await openIfThere(path + EXTENSIONS.gzip);
  return file && { coding: 'identity', file, size: await unpackedSize(file), isPacked: true };
}

/**
 * The bytes of `span`, which is all of it where the file is packed. The stream closes the file when it ends, fails, or is
 * destroyed, as when the client goes away.
 */
export function readVariant({ file, isPacked }: Variant, span: ByteSpan): Readable {
  if (!isPacked) return file.createReadStream(span);
  const packed = file.createReadStream({ highWaterMark: PACKED_READ_BYTES });
  // Whatever goes wrong is told to whoever reads the last stream.
  return pipeline(packed, createGunzip(), () => undefined);
}

async function unpackedSize(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const { buffer } = await file.read(
    Buffer.alloc(GZIP_SIZE_BYTES),
    0,
    GZIP_SIZE_BYTES,
    size - GZIP_SIZE_BYTES,
  );
  return buffer.readUInt32LE();
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}
