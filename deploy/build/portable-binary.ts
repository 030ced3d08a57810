// Portable binaries: a program with all that it needs of a system behind a static launcher, so that any Linux image runs it.
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withdrawChecksums } from './checksums.ts';
import type { LinuxPlatform } from './linux-platform.ts';
import { CHUNK_CODING, type CompressChunk, compressChunk, type PackedFile, packFiles } from './pack.ts';
import { type AddonName, type BuiltProgram, DIST, WORKSHOP } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';

const CHUNKS = join(WORKSHOP, 'chunks');

export interface PortableParts {
  readonly program: BuiltProgram;
  readonly platform: LinuxPlatform;
  /** It as a single executable, which needs a C library. */
  readonly executable: Made;
  readonly launcher: Made;
  /** The loader first. */
  readonly libraries: readonly [PackedFile, ...PackedFile[]];
  /** Where they are. */
  readonly addons: Readonly<Record<AddonName, string>>;
}

/** Makes `dist/bin/NAME-OS-ARCH`. */
export async function makePortableBinary(parts: PortableParts): Promise<Made> {
  const { program, platform, executable, launcher } = parts;
  const [loader, ...libraries] = parts.libraries;
  const addons = await Promise.all(
    program.addons.map(async (name) => ({ name: `${name}.node`, bytes: await readFile(parts.addons[name]) })),
  );
  const others = [loader, ...libraries, ...addons];
  const ingredients = [
    executable.key,
    launcher.key,
    CHUNK_CODING,
    ...others.flatMap(({ name, bytes }) => [name, bytes]),
  ];
  const output = join(DIST, 'bin', `${program.name}-${platform.name}`);
  return await makeOnce(output, ingredients, async (temporary) => {
    await withdrawChecksums();
    const packed = { name: program.name, bytes: await readFile(executable.path) };
    const files = [loader, packed, ...libraries, ...addons];
    await writeFile(temporary, await packFiles(await readFile(launcher.path), files, compressOnce));
    await chmod(temporary, 0o755);
  });
}

/** By their paths: programs that are made at the same time want the same ones. */
const chunksUnderWay = new Map<string, Promise<Buffer>>();

/** Most of Node is the same in all programs, and in the build after this one. */
const compressOnce: CompressChunk = async (chunk) => {
  const path = join(CHUNKS, createHash('sha256').update(CHUNK_CODING).update(chunk).digest('hex'));
  const packed =
    chunksUnderWay.get(path) ?? keepCompressed(path, chunk).finally(() => chunksUnderWay.delete(path));
  chunksUnderWay.set(path, packed);
  return await packed;
};

async function keepCompressed(path: string, chunk: Buffer): Promise<Buffer> {
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
}
