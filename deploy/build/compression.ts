// Compression: a .gz and a .zst next to each binary, so that the relay never compresses while it serves.
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import { type Made, makeOnce } from './stamp.ts';

/** Of 108 MB, level 6 leaves 41.1 MB in 4 s; level 9 would take twice as long for 0.1 MB. */
const GZIP_LEVEL = 6;
/** Level 9 leaves 34.2 MB in 3 s; 19 would leave 29.9 MB, after a minute for each binary. */
const ZSTD_LEVEL = 9;

/** Makes `BINARY.gz` and `BINARY.zst`, both at once: zlib works in Node's thread pool. */
export async function compressBinary(binary: Made): Promise<readonly Made[]> {
  return await Promise.all([
    makeOnce(`${binary.path}.gz`, [binary.key, `gzip ${GZIP_LEVEL}`], async (temporary) => {
      await writeFile(temporary, await promisify(gzip)(await readFile(binary.path), { level: GZIP_LEVEL }));
    }),
    makeOnce(`${binary.path}.zst`, [binary.key, `zstd ${ZSTD_LEVEL}`], async (temporary) => {
      const params = {
        [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
        [constants.ZSTD_c_checksumFlag]: 1,
      };
      await writeFile(temporary, await promisify(zstdCompress)(await readFile(binary.path), { params }));
    }),
  ]);
}
