// Binaries: what the build left in its folder, as its SHA256SUMS lists it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const DOWNLOADED_PROGRAMS = ['agent', 'wsproxy', 'tcptows'] as const;

/** Made for each request, and not in the folder. */
export const INSTALL_SCRIPTS = ['agent.sh', 'client.sh'] as const;

/** wsproxy as one file for every Node from version 20 on, on every platform. */
export const SCRIPT_FILE = 'wsproxy.mjs';

/** The terminal page in one file, to be kept, checked and opened from disk. */
const PAGE_FILE = 'converge-terminal.html';

/** What is the same for every platform. */
export const PLAIN_FILES: readonly string[] = [SCRIPT_FILE, PAGE_FILE];

export const SUMS_FILE = 'SHA256SUMS';

/** Of SHA256SUMS, by a key that no relay has (Ed25519, 64 bytes); there if the build was given one. */
export const SIGNATURE_FILE = 'SHA256SUMS.sig';

/** A file for one platform, or for all. `sha256` is of the uncompressed file, in hex. */
export interface Binary {
  readonly program: string;
  /** Such as `linux-x64`; undefined for what is for all. */
  readonly platform: string | undefined;
  /** NAME-OS-ARCH, for Windows with `.exe` behind. */
  readonly fileName: string;
  readonly path: string;
  readonly sha256: string;
}

export type BinaryLookup =
  | { readonly kind: 'found'; readonly binary: Binary }
  | { readonly kind: 'not_built'; readonly fileName: string }
  | { readonly kind: 'unknown_platform'; readonly program: string; readonly platforms: readonly string[] }
  | { readonly kind: 'unknown_program' };

/** A line of sha256sum: digest, a blank, a blank or `*`, the name. */
const SUMS_LINE = /^([0-9a-f]{64}) [ *](\S+)$/;
const FILE_NAME = new RegExp(`^(${DOWNLOADED_PROGRAMS.join('|')})(?:-([a-z0-9]+(?:-[a-z0-9]+)+)(\\.exe)?)?$`);

/** What there is for one platform. */
export interface PlatformPrograms {
  readonly platform: string;
  readonly programs: readonly string[];
}

/**
 * The binaries in `directory`; none if nothing was built there. Only a file that SHA256SUMS lists counts, so that a
 * build under way is not served, and no name from a request ever becomes a path. Read anew for every request: it is
 * a few lines, and a rebuild shows at once.
 */
export async function listBinaries(directory: string): Promise<Binary[]> {
  const binaries: Binary[] = [];
  for (const line of (await readSums(directory)).split('\n')) {
    const [, sha256, fileName = ''] = SUMS_LINE.exec(line) ?? [];
    const [, program, platform] = FILE_NAME.exec(fileName) ?? [];
    if (sha256 === undefined) continue;
    const file = { fileName, path: join(directory, fileName), sha256 };
    if (PLAIN_FILES.includes(fileName)) binaries.push({ program: fileName, platform: undefined, ...file });
    else if (program !== undefined && platform !== undefined) binaries.push({ program, platform, ...file });
  }
  return binaries;
}

/** The platforms that at least one binary in `directory` is for, by name, and which programs these are. */
export async function listPlatforms(directory: string): Promise<PlatformPrograms[]> {
  const binaries = await listBinaries(directory);
  const platforms = new Set(binaries.flatMap(({ platform }) => (platform === undefined ? [] : [platform])));
  return [...platforms].sort().map((platform) => ({
    platform,
    programs: DOWNLOADED_PROGRAMS.filter((name) =>
      binaries.some((binary) => binary.program === name && binary.platform === platform),
    ),
  }));
}

/** The SHA-256 of what `/docs/NAME` is, in hex; undefined if that is not built. */
export async function downloadDigest(
  directory: string,
  name: string,
  defaultPlatform: string,
): Promise<string | undefined> {
  const found = findBinary(await listBinaries(directory), name, defaultPlatform);
  return found.kind === 'found' ? found.binary.sha256 : undefined;
}

/** What `name` of `/docs/NAME` or `/docs/NAME-OS-ARCH` stands for; `.exe` behind it is for a file that has that too. */
export function findBinary(binaries: readonly Binary[], name: string, defaultPlatform: string): BinaryLookup {
  if (PLAIN_FILES.includes(name)) {
    const file = binaries.find(({ fileName }) => fileName === name);
    return file === undefined ? { kind: 'not_built', fileName: name } : { kind: 'found', binary: file };
  }
  const [, program, platform = defaultPlatform, extension = ''] = FILE_NAME.exec(name) ?? [];
  if (program === undefined) return { kind: 'unknown_program' };
  const builds = binaries.filter((binary) => binary.program === program);
  const binary = builds.find((build) => build.platform === platform && build.fileName.endsWith(extension));
  if (binary !== undefined) return { kind: 'found', binary };
  if (builds.length === 0) return { kind: 'not_built', fileName: `${program}-${platform}${extension}` };
  const platforms = builds.flatMap((build) => build.platform ?? []).sort();
  return { kind: 'unknown_platform', program, platforms };
}

/** The text of SHA256SUMS in `directory`; empty if there is none. Other faults of the file system are thrown. */
export async function readSums(directory: string): Promise<string> {
  return (await readList(directory, SUMS_FILE)).toString();
}

/** SHA256SUMS or its signature as they are; empty if there is none. Other faults of the file system are thrown. */
export async function readList(
  directory: string,
  name: typeof SUMS_FILE | typeof SIGNATURE_FILE,
): Promise<Buffer> {
  try {
    return await readFile(join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
