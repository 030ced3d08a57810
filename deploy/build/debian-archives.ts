// Debian archives: packages of another processor, unpacked into a cache. Nothing is installed, and apt's own lists, its
// architectures and its packages stay as they are: apt works here in a folder of its own, and so needs no root.
import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';
import { CACHE, fillCacheFolder, isFolder } from './cache-folder.ts';
import { runCommand } from './command.ts';
import { findCommand } from './debian-packages.ts';

/** What tells one release of Debian, and one state of its security updates, from the next: another one is fetched anew. */
const RELEASE_PACKAGES = ['libc6', 'libstdc++6'];

export interface DebianArchives {
  /** As Debian calls it, such as `arm64`. */
  readonly architecture: string;
  readonly packages: readonly string[];
  /** What they are for, for the message when they cannot be had. */
  readonly purpose: string;
}

/**
 * The folder in `cache` that has the files of these packages, from the mirrors that this machine's apt knows, which sign
 * what they have; fetched once, and again when this machine got another C library. Two processes may ask at once.
 * @throws BuildError `requirement_missing` where there is no apt; `command_failed` when it cannot bring one of them, with its name
 */
export async function fetchDebianArchives(archives: DebianArchives, cache: string = CACHE): Promise<string> {
  const { architecture, packages, purpose } = archives;
  if (findCommand('apt-get') === undefined || findCommand('dpkg-query') === undefined) {
    const needs = packages.map((name) => `${name}:${architecture}`).join(', ');
    throw new BuildError(
      'requirement_missing',
      `${purpose} needs ${needs} of Debian, and there is no apt-get here`,
    );
  }
  const release = await runCommand('dpkg-query', ['--show', ...RELEASE_PACKAGES]);
  const digest = createHash('sha256')
    .update(`${release} ${packages.join(' ')}`)
    .digest('hex');
  const folder = join(cache, `debian-${architecture}-${digest.slice(0, 12)}`);
  if (await isFolder(folder)) return folder;
  console.error(`fetching ${packages.join(', ')} for ${architecture} from Debian into ${cache} (once)`);
  const unpack = async (part: string): Promise<string> => {
    const root = join(part, 'root');
    for (const file of await downloadPackages(part, archives))
      await runCommand('dpkg-deb', ['--extract', file, root]);
    return root;
  };
  await fillCacheFolder(folder, unpack, () => isFolder(folder));
  return folder;
}

async function downloadPackages(
  part: string,
  { architecture, packages, purpose }: DebianArchives,
): Promise<string[]> {
  const apt = join(part, 'apt');
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'debs'])
    await mkdir(join(apt, folder), { recursive: true });
  await writeFile(join(apt, 'status'), '');
  const own = [
    `APT::Architecture=${architecture}`,
    `APT::Architectures::=${architecture}`,
    `Dir::State=${join(apt, 'state')}`,
    `Dir::State::status=${join(apt, 'status')}`,
    `Dir::Cache=${join(apt, 'cache')}`,
    // Where this process is root, apt would take another user, who may not write here.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  const environment = { ...process.env, LC_ALL: 'C.UTF-8' };
  try {
    // A mirror that has nothing for this processor is said with the package that is missing then.
    await runCommand('apt-get', [...own, '-qq', 'update'], environment);
    // apt puts them into the folder that it is in.
    const script = 'cd "$0" && exec apt-get "$@"';
    const args = ['-c', script, join(apt, 'debs'), ...own, '-qq', 'download', ...packages];
    await runCommand('sh', args, environment);
  } catch (cause) {
    const names = packages.map((name) => `${name}:${architecture}`).join(', ');
    const said = (cause as Error).message;
    const hint = `see that a mirror in /etc/apt has ${architecture}, or leave this platform out of PLATFORMS`;
    const message = `${purpose} needs ${names}, and apt-get cannot bring them: ${said}\n${hint}`;
    throw new BuildError('command_failed', message, { cause });
  }
  return (await readdir(join(apt, 'debs'))).map((name) => join(apt, 'debs', name));
}
