// Binaries: what the build left in its folder, as its SHA256SUMS lists it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const DOWNLOADED_PROGRAMS = ['agent', 'wsproxy', 'tcptows'] as const;

/** Made for each request, and not in the folder. */
export const INSTALL_SCRIPTS = ['agent.sh', 'client.sh'] as const;

export const SUMS_FILE = 'SHA256SUMS';

/** Of SHA256SUMS, by a key that no relay has (Ed25519, 64 bytes); there if the build was given one. */
export const SIGNATURE_FILE = 'SHA256SUMS.sig';

/** One program for one platform. `fileName` is NAME-OS-ARCH; `sha256` is of the uncompressed file, in hex. */
export interface Binary {
  readonly program: string;
  readonly platform: string;
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
const FILE_NAME = new RegExp(`^(${DOWNLOADED_PROGRAMS.join('|')})(?:-([a-z0-9]+(?:-[a-z0-9]+)+))?$`);

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
    if (sha256 === undefined || program === undefined || platform === undefined) continue;
    binaries.push({ program, platform, fileName, path: join(directory, fileName), sha256 });
  }
  return binaries;
}

/** The platforms that at least one binary in `directory` is for, such as `linux-x64`. */
export async function listPlatforms(directory: string): Promise<string[]> {
  const binaries = await listBinaries(directory);
  return [...new Set(binaries.map((binary) => binary.platform))].sort();
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

/** What `name` of `/docs/NAME` or `/docs/NAME-OS-ARCH` stands for. */
export function findBinary(binaries: readonly Binary[], name: string, defaultPlatform: string): BinaryLookup {
  const [, program, platform = defaultPlatform] = FILE_NAME.exec(name) ?? [];
  if (program === undefined) return { kind: 'unknown_program' };
  const builds = binaries.filter((binary) => binary.program === program);
  const binary = builds.find((build) => build.platform === platform);
  if (binary !== undefined) return { kind: 'found', binary };
  if (builds.length === 0) return { kind: 'not_built', fileName: `${program}-${platform}` };
  return { kind: 'unknown_platform', program, platforms: builds.map((build) => build.platform).sort() };
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
