// The launcher of binaries for Linux, compiled; and what of the C library goes with it.
import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { ensureBuildCommands } from './build-commands.ts';
import { runCommand } from './command.ts';
import { ensurePresent } from './debian-packages.ts';
import type { PackedFile } from './pack.ts';
import { ROOT, WORKSHOP } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';

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

/** The loader by Node's name of the architecture. */
const LOADERS: Readonly<Record<string, string>> = {
  x64: 'ld-linux-x86-64.so.2',
  arm64: 'ld-linux-aarch64.so.1',
};

/** What Node is linked with; of what is not there the loader says so at the first start. */
const LIBRARIES = [
  'libc.so.6',
  'libm.so.6',
  'libdl.so.2',
  'libpthread.so.0',
  'libgcc_s.so.1',
  'libstdc++.so.6',
];

/** Compiles the launcher to `dist/work/launcher`. */
export async function compileLauncher(): Promise<Made> {
  const texts = await Promise.all([HEADER, ...SOURCES].map((name) => readFile(join(FOLDER, name))));
  return await makeOnce(join(WORKSHOP, 'launcher'), [FLAGS.join(' '), ...texts], async (temporary) => {
    await ensureBuildCommands(['g++']);
    await ensurePresent(async () => isAbsolute(await pathOf('libzstd.a')), 'libzstd.a', 'libzstd-dev');
    const sources = SOURCES.map((name) => join(FOLDER, name));
    await runCommand('gcc', [...FLAGS, '-o', temporary, ...sources, '-lzstd']);
  });
}

/** The loader of this machine, and the libraries, as they are packed: the loader first. */
export async function readSystemLibraries(): Promise<readonly [PackedFile, ...PackedFile[]]> {
  await ensureBuildCommands(['g++']);
  const loader = await readLibrary(LOADERS[process.arch] ?? '');
  return [loader, ...(await Promise.all(LIBRARIES.map(readLibrary)))];
}

async function readLibrary(name: string): Promise<PackedFile> {
  return { name, bytes: await readFile(await pathOf(name)) };
}

/** Where the compiler finds a library; the name itself where it does not. */
async function pathOf(name: string): Promise<string> {
  return (await runCommand('gcc', [`-print-file-name=${name}`])).trim();
}
