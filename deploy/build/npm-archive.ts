// npm archives: packages that are no dependencies, since npm installs them elsewhere only; fetched once, by their hash.
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensureBuildCommands } from './build-commands.ts';
import { BuildError } from './build-error.ts';
import { CACHE, fillCacheFolder } from './cache-folder.ts';
import { runCommand } from './command.ts';

export interface NpmArchive {
  readonly name: string;
  /** Exactly one. */
  readonly version: string;
  /** As a lock file has it, such as `sha512-…`: what is used here is what was looked at. */
  readonly integrity: string;
}

/** Kept beside what was unpacked from it. */
const TARBALL = 'package.tgz';

const brought = new Map<string, Promise<string>>();

/**
 * The folder in `cache` that has `members` of the package. npm brings it once, from where its own configuration says. What is there
 * already is held against the hash, once for each process: caches are restored, shared and edited. Two processes may ask at once.
 * @throws BuildError `command_failed` when npm cannot bring it; `archive_changed` when it brings something else.
 */
export async function fetchNpmArchive(
  archive: NpmArchive,
  members: readonly string[],
  cache: string = CACHE,
): Promise<string> {
  // The hash and the members are part of the name: others are another folder.
  const digest = createHash('sha256')
    .update([archive.integrity, ...members].join(' '))
    .digest('hex')
    .slice(0, 12);
  const folder = join(cache, `${nameOf(archive).replaceAll('/', '-')}-${digest}`);
  const earlier = brought.get(folder);
  if (earlier !== undefined) return await earlier;
  const bringing = bringArchive(archive, members, folder);
  brought.set(folder, bringing);
  // Another call may try again.
  bringing.catch(() => brought.delete(folder));
  return await bringing;
}

/** The path of one file of the package. @throws BuildError as `fetchNpmArchive` does */
export async function fetchNpmFile(archive: NpmArchive, member: string): Promise<string> {
  return join(await fetchNpmArchive(archive, [member]), member);
}

function nameOf({ name, version }: NpmArchive): string {
  return `${name}@${version}`;
}

async function bringArchive(
  archive: NpmArchive,
  members: readonly string[],
  folder: string,
): Promise<string> {
  await ensureBuildCommands(['tar']);
  const unpack = async (part: string): Promise<string> => {
    const unpacked = join(part, 'package');
    const tarball = join(part, TARBALL);
    await writeFile(tarball, (await keptTarball(archive, folder)) ?? (await newTarball(archive, part)));
    const paths = members.map((member) => `package/${member}`);
    await runCommand('tar', ['-xzf', tarball, '-C', part, '--no-same-owner', ...paths]);
    await rename(tarball, join(unpacked, TARBALL));
    return unpacked;
  };
  const files = [...members, TARBALL];
  await fillCacheFolder(folder, unpack, (unpacked) => areSame(files, unpacked, folder));
  return folder;
}

async function keptTarball(archive: NpmArchive, folder: string): Promise<Buffer | undefined> {
  const bytes = await readIfThere(join(folder, TARBALL));
  if (bytes === undefined || integrityOf(bytes, archive) === archive.integrity) return bytes;
  console.error(`${folder} has another ${nameOf(archive)} than the one of that hash`);
  return undefined;
}

async function newTarball(archive: NpmArchive, folder: string): Promise<Buffer> {
  const name = nameOf(archive);
  console.error(`fetching ${name} from npm into ${dirname(folder)} (once)`);
  const bytes = await readFile(await packArchive(name, folder));
  checkIntegrity(name, bytes, archive.integrity);
  return bytes;
}

async function areSame(files: readonly string[], folder: string, other: string): Promise<boolean> {
  for (const file of files) {
    const bytes = await readIfThere(join(other, file));
    if (bytes === undefined || !bytes.equals(await readFile(join(folder, file)))) return false;
  }
  return true;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  return await readFile(path).catch(() => undefined);
}

function integrityOf(bytes: Buffer, { integrity }: Pick<NpmArchive, 'integrity'>): string {
  const [algorithm = ''] = integrity.split('-');
  return `${algorithm}-${createHash(algorithm).update(bytes).digest('base64')}`;
}

/** @throws BuildError `archive_changed` unless `bytes` have the hash `integrity` */
export function checkIntegrity(name: string, bytes: Buffer, integrity: string): void {
  const found = integrityOf(bytes, { integrity });
  if (found === integrity) return;
  const message = `${name} is not what it was: npm brought ${found} in place of ${integrity}`;
  throw new BuildError('archive_changed', message);
}

async function packArchive(name: string, folder: string): Promise<string> {
  try {
    await runCommand('npm', ['pack', name, '--silent', '--ignore-scripts', '--pack-destination', folder]);
  } catch (cause) {
    const hint = 'see that npm reaches its registry from here, or leave that platform out of PLATFORMS';
    const message = `npm cannot bring ${name}: ${(cause as Error).message}\n${hint}`;
    throw new BuildError('command_failed', message, { cause });
  }
  const [file] = (await readdir(folder)).filter((entry) => entry.endsWith('.tgz'));
  if (file === undefined)
    throw new BuildError('command_failed', `npm pack ${name} left no file in ${folder}`);
  return join(folder, file);
}
