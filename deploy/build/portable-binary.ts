// Portable binaries: a program with all that it needs of a system behind a static launcher, so that any Linux image runs it.
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withdrawChecksums } from './checksums.ts';
import { CHUNK_CODING, type CompressChunk, compressChunk, type PackedFile, packFiles } from './pack.ts';
import { DIST, PLATFORM, WORKSHOP } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';

const CHUNKS = join(WORKSHOP, 'chunks');

export interface PortableParts {
  readonly name: string;
  /** The program as a single executable that needs a C library. */
  readonly program: Made;
  readonly launcher: Made;
  /** The loader first. */
  readonly libraries: readonly [PackedFile, ...PackedFile[]];
}

/** Makes `dist/bin/NAME-OS-ARCH`. */
export async function makePortableBinary({
  name,
  program,
  launcher,
  libraries: [loader, ...libraries],
}: PortableParts): Promise<Made> {
  const others = [loader, ...libraries].flatMap((file) => [file.name, file.bytes]);
  const output = join(DIST, 'bin', `${name}-${PLATFORM}`);
  return await makeOnce(output, [program.key, launcher.key, CHUNK_CODING, ...others], async (temporary) => {
    await withdrawChecksums();
    const packed = { name, bytes: await readFile(program.path) };
    const files = [loader, packed, ...libraries];
    await writeFile(temporary, await packFiles(await readFile(launcher.path), files, compressOnce));
    await chmod(temporary, 0o755);
  });
}

/** Most of Node is the same in all programs, and in the build after this one. */
const compressOnce: CompressChunk = async (chunk) => {
  const path = join(CHUNKS, createHash('sha256').update(CHUNK_CODING).update(chunk).digest('hex'));
  try {
    return await readFile(path);
  } catch {
    const packed = await compressChunk(chunk);
    await mkdir(CHUNKS, { recursive: true });
    const temporary = `${path}.${process.pid}.part`;
    await writeFile(temporary, packed);
    await rename(temporary, path);
    return packed;
  }
};
