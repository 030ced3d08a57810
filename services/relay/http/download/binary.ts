// Binaries: what the build left in its folder, as its SHA256SUMS lists it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { COMMON_PLATFORM, isKnownPlatform, type KnownPlatform, WINDOWS_PLATFORM } from './platform.ts';

export const DOWNLOADED_PROGRAMS = ['agent', 'wsproxy', 'tcptows'] as const;

/** Made for each request, and not in the folder. */
export const INSTALL_SCRIPTS = ['agent.sh', 'client.sh', 'agent.ps1', 'client.ps1'] as const;

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

/** `platforms` are those that this relay has the program for. */
export type BinaryLookup =
  | { readonly kind: 'found'; readonly binary: Binary }
  | { readonly kind: 'not_built'; readonly fileName: string }
  | {
      readonly kind: 'left_out';
      readonly program: string;
      readonly platform: KnownPlatform;
      readonly platforms: readonly string[];
    }
  | { readonly kind: 'unknown_platform'; readonly program: string; readonly platforms: readonly string[] }
  | { readonly kind: 'unknown_program' };

/** A line of sha256sum: digest, a blank, a blank or `*`, the name. */
const SUMS_LINE = /^([0-9a-f]{64}) [ *](\S+)$/;
const FILE_NAME = new RegExp(`^(${DOWNLOADED_PROGRAMS.join('|')})(?:-([a-z0-9]+(?:-[a-z0-9]+)+))?(\\.exe)?$`);

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

/** What is to be had of this relay. */
export interface Offer {
  readonly binaries: readonly Binary[];
  /** What `/docs/agent` and its like are, without a platform in the name. */
  readonly defaultPlatform: string;
}

/** What `directory` holds; `own` is the platform of the relay. */
export async function readOffer(directory: string, own: string): Promise<Offer> {
  const binaries = await listBinaries(directory);
  return { binaries, defaultPlatform: defaultPlatformOf(binaries, own) };
}

/** The SHA-256 of the agent for a platform, in hex; undefined if there is none. */
export function agentDigest({ binaries }: Offer, platform: string): string | undefined {
  return binaries.find((binary) => binary.program === 'agent' && binary.platform === platform)?.sha256;
}

/** Whether the relay has a file of that name. */
export function hasFile({ binaries }: Offer, name: string): boolean {
  return binaries.some(({ fileName }) => fileName === name);
}

/**
 * The most usual platform where the relay has it, whatever the relay itself runs on: all pods of a cluster with nodes of
 * several kinds then give out the same file under the same name. Else that of the relay.
 */
function defaultPlatformOf(binaries: readonly Binary[], own: string): string {
  return binaries.some(({ platform }) => platform === COMMON_PLATFORM) ? COMMON_PLATFORM : own;
}

/**
 * What `name` of `/docs/NAME` or `/docs/NAME-OS-ARCH` stands for; `own` is the platform of the relay. `.exe` behind it is
 * for a file that has that too; `NAME.exe` is the one for Windows.
 */
export function findBinary(binaries: readonly Binary[], name: string, own: string): BinaryLookup {
  if (PLAIN_FILES.includes(name)) {
    const file = binaries.find(({ fileName }) => fileName === name);
    return file === undefined ? { kind: 'not_built', fileName: name } : { kind: 'found', binary: file };
  }
  const [, program, named, extension = ''] = FILE_NAME.exec(name) ?? [];
  if (program === undefined) return { kind: 'unknown_program' };
  const platform = named ?? (extension === '' ? defaultPlatformOf(binaries, own) : WINDOWS_PLATFORM);
  const builds = binaries.filter((binary) => binary.program === program);
  const fits = (build: Binary): boolean => build.platform === platform && build.fileName.endsWith(extension);
  const binary = builds.find(fits);
  if (binary !== undefined) return { kind: 'found', binary };
  if (builds.length === 0) return { kind: 'not_built', fileName: `${program}-${platform}${extension}` };
  const platforms = builds.flatMap((build) => build.platform ?? []).sort();
  const isLeftOut = isKnownPlatform(platform) && !platforms.includes(platform);
  return isLeftOut
    ? { kind: 'left_out', program, platform, platforms }
    : { kind: 'unknown_platform', program, platforms };
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
