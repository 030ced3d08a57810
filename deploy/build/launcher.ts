// The launcher of binaries for Linux, compiled; and what of the C library goes with it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import type { LinuxPlatform } from './linux-platform.ts';
import type { PackedFile } from './pack.ts';
import { ROOT, WORKSHOP } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';
import { ensureCompilers, ensureStaticLibraries, findLibrary } from './toolchain.ts';

const FOLDER = join(ROOT, 'deploy/launcher');
const SOURCES = ['launcher.c', 'pack.c', 'folder.c', 'memory.c'];
const HEADER = 'launcher.h';

const FLAGS = [
  '-std=gnu17',
  '-D_GNU_SOURCE',
  '-Os',
  '-static',
  '-s',
  '-Wall',
  '-Wextra',
  '-Wpedantic',
  '-Werror',
  '-ffunction-sections',
  '-Wl,--gc-sections',
  '-Wl,--build-id=none',
];

/** What Node is linked with; of what is not there the loader says so at the first start. */
export const SYSTEM_LIBRARIES: readonly string[] = [
  'libc.so.6',
  'libm.so.6',
  'libdl.so.2',
  'libpthread.so.0',
  'libgcc_s.so.1',
  'libstdc++.so.6',
];

/** Compiles the launcher to `dist/work/launcher-OS-ARCH`. */
export async function compileLauncher(platform: LinuxPlatform): Promise<Made> {
  const texts = await Promise.all([HEADER, ...SOURCES].map((name) => readFile(join(FOLDER, name))));
  const output = join(WORKSHOP, `launcher-${platform.name}`);
  return await makeOnce(output, [FLAGS.join(' '), ...texts], async (temporary) => {
    const { c } = await ensureCompilers(platform);
    const libraries = await ensureStaticLibraries(platform);
    const sources = SOURCES.map((name) => join(FOLDER, name));
    await runCommand(c, [...FLAGS, ...libraries, '-o', temporary, ...sources, '-lzstd']);
  });
}

/** The loader of `platform`, and the libraries, as they are packed: the loader first. */
export async function readSystemLibraries(
  platform: LinuxPlatform,
): Promise<readonly [PackedFile, ...PackedFile[]]> {
  const read = async (name: string): Promise<PackedFile> => ({
    name,
    bytes: await readFile(await findLibrary(platform, name)),
  });
  // One after the other: the first brings them all where they have to be fetched.
  const loader = await read(platform.loader);
  return [loader, ...(await Promise.all(SYSTEM_LIBRARIES.map(read)))];
}
