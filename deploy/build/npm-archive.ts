// npm archives: packages that are no dependencies, since npm installs them elsewhere only; fetched once, by their hash.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ensureBuildCommands } from './build-commands.ts';
import { BuildError } from './build-error.ts';
import { runCommand } from './command.ts';

/** Outside of the repository, so that a fresh clone on the same machine needs no network for it. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'converge');

export interface NpmArchive {
  readonly name: string;
  /** Exactly one. */
  readonly version: string;
  /** As a lock file has it, such as `sha512-…`: what is used here is what was looked at. */
  readonly integrity: string;
}

/**
 * The folder in the cache that has `members` of the package. npm brings it once, from where its own configuration says;
 * two processes may ask at once.
 * @throws BuildError `command_failed` when npm cannot bring it; `archive_changed` when it brings something else.
 */
export async function fetchNpmArchive(archive: NpmArchive, members: readonly string[]): Promise<string> {
  const name = `${archive.name}@${archive.version}`;
  // The hash and the members are part of the name: others are another folder.
  const digest = createHash('sha256')
    .update([archive.integrity, ...members].join(' '))
    .digest('hex')
    .slice(0, 12);
  const folder = join(CACHE, `${name.replaceAll('/', '-')}-${digest}`);
  if (await isFolder(folder)) return folder;
  await mkdir(CACHE, { recursive: true });
  await ensureBuildCommands(['tar']);
  const part = await mkdtemp(`${folder}.part-`);
  try {
    console.error(`fetching ${name} from npm into ${CACHE} (once)`);
    const tarball = await packArchive(name, part);
    checkIntegrity(name, await readFile(tarball), archive.integrity);
    const paths = members.map((member) => `package/${member}`);
    await runCommand('tar', ['-xzf', tarball, '-C', part, '--no-same-owner', ...paths]);
    await rename(join(part, 'package'), folder).catch(async (error: unknown) => {
      // Another process may have been quicker: its files are as good.
      if (!(await isFolder(folder))) throw error;
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  return folder;
}

/** @throws BuildError `archive_changed` unless `bytes` have the hash `integrity` */
export function checkIntegrity(name: string, bytes: Buffer, integrity: string): void {
  const [algorithm = '', wanted] = integrity.split(/-(.*)/s);
  const found = createHash(algorithm).update(bytes).digest('base64');
  if (found === wanted) return;
  const message = `${name} is not what it was: npm brought ${algorithm}-${found} in place of ${integrity}`;
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

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
