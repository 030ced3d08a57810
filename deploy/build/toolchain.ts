// Toolchains: the compiler, the C library and the linker's libraries for one of the Linux platforms: this machine's own, or
// Debian's cross compiler with the libraries of the other.
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { ensureBuildCommands } from './build-commands.ts';
import { BuildError } from './build-error.ts';
import { runCommand } from './command.ts';
import { fetchDebianArchives } from './debian-archives.ts';
import { ensureInstalled, ensurePresent } from './debian-packages.ts';
import { isHost, type LinuxPlatform } from './linux-platform.ts';

/** What is packed (libc6, libgcc-s1, libstdc++6), and what the launcher is linked with. */
const FOREIGN_PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6', 'libc6-dev', 'libzstd-dev'];

/** Compilers by what they are called on this machine; each is installed when it is asked for first. */
export interface Compilers {
  readonly c: string;
  readonly cxx: string;
  readonly strip: string;
}

/** The compilers for `platform`. @throws BuildError as `ensureInstalled` does */
export async function ensureCompilers(platform: LinuxPlatform): Promise<Compilers> {
  if (isHost(platform)) {
    await ensureBuildCommands(['g++', 'strip']);
    return { c: 'gcc', cxx: 'g++', strip: 'strip' };
  }
  const { triplet } = platform;
  const compilers = { c: `${triplet}-gcc`, cxx: `${triplet}-g++`, strip: `${triplet}-strip` };
  const debianName = triplet.replace('_', '-');
  await ensureInstalled(Object.values(compilers), {
    [compilers.c]: `gcc-${debianName}`,
    [compilers.cxx]: `g++-${debianName}`,
    [compilers.strip]: `binutils-${debianName}`,
  });
  return compilers;
}

/**
 * What the compiler has to be told to link a static program with the C library and Zstandard of `platform`.
 * @throws BuildError as `ensurePresent` and `fetchDebianArchives` do
 */
export async function ensureStaticLibraries(platform: LinuxPlatform): Promise<readonly string[]> {
  if (isHost(platform)) {
    const isThere = async (): Promise<boolean> => isAbsolute(await askCompiler('libzstd.a'));
    await ensurePresent(isThere, 'libzstd.a', 'libzstd-dev');
    return [];
  }
  const root = await fetchForeign(platform);
  const [headers, libraries] = [join(root, 'usr/include'), join(root, 'usr/lib', platform.triplet)];
  // The headers and the start files of one C library with its code; the cross compiler has another build of it.
  return [
    '-isystem',
    headers,
    '-isystem',
    join(headers, platform.triplet),
    `-B${libraries}`,
    `-L${libraries}`,
  ];
}

/** The path of a shared library of `platform`. @throws BuildError `requirement_missing` where there is none */
export async function findLibrary(platform: LinuxPlatform, name: string): Promise<string> {
  if (isHost(platform)) {
    await ensureBuildCommands(['g++']);
    return await askCompiler(name);
  }
  const root = await fetchForeign(platform);
  // /lib is a link to /usr/lib in later releases.
  for (const folder of ['usr/lib', 'lib']) {
    const path = join(root, folder, platform.triplet, name);
    if (existsSync(path)) return path;
  }
  throw new BuildError(
    'requirement_missing',
    `${name} for ${platform.name} is in none of ${FOREIGN_PACKAGES.join(', ')} of this Debian`,
  );
}

async function fetchForeign({ name, debian }: LinuxPlatform): Promise<string> {
  const purpose = `a build for ${name}`;
  return await fetchDebianArchives({ architecture: debian, packages: FOREIGN_PACKAGES, purpose });
}

/** Where the compiler finds a library; the name itself where it does not. */
async function askCompiler(name: string): Promise<string> {
  return (await runCommand('gcc', [`-print-file-name=${name}`])).trim();
}
