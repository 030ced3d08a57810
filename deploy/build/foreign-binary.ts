// Foreign binaries: programs for macOS and Windows, put together on Linux from the Node that npm has for them.
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';
import { withdrawChecksums } from './checksums.ts';
import { runCommand } from './command.ts';
import { signAdHoc } from './mach-o/ad-hoc-signature.ts';
import { MachOError } from './mach-o/mach-o-error.ts';
import { fetchNpmArchive, fetchNpmFile } from './npm-archive.ts';
import { removeCertificates } from './pe/certificate-removal.ts';
import { writePeChecksum } from './pe/pe-checksum.ts';
import { PeError } from './pe/pe-error.ts';
import { type ForeignPlatform, findMaker } from './platform.ts';
import { SEA_SETTINGS } from './sea-binary.ts';
import { type BuiltProgram, DIST } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';

/** Without a code cache, too: it is for the V8 that made it, with its processor's features. */
export const FOREIGN_SETTINGS = { ...SEA_SETTINGS, useSnapshot: false };

/** Counted up when what happens to a file after Node made it changes. */
const FINISH_VERSION = 'finish 2';

/** The parts of a binary. */
export interface ForeignParts {
  readonly program: BuiltProgram;
  readonly bundle: string;
  readonly platform: ForeignPlatform;
}

/**
 * Makes `dist/bin/NAME-OS-ARCH`, for Windows with `.exe` behind.
 * @throws BuildError as `findMaker` and `fetchNpmArchive` do;
 *   `executable_unusable` when npm's Node is not as it should be.
 */
export async function makeForeignBinary({ program, bundle, platform }: ForeignParts): Promise<Made> {
  const maker = findMaker(platform.name);
  const name = `${program.name}-${platform.name}${platform.extension}`;
  const settings = JSON.stringify([FOREIGN_SETTINGS, FINISH_VERSION]);
  const terminal = program.name === 'agent' ? platform.terminal : undefined;
  const nodes = [platform.node.integrity, terminal?.integrity ?? ''];
  const ingredients = [settings, maker.version, ...nodes, await readFile(bundle)];
  return await makeOnce(join(DIST, 'bin', name), ingredients, async (temporary) => {
    const [making, original] = await Promise.all([
      fetchNpmFile(maker, maker.program),
      fetchNpmFile(platform.node, platform.node.program),
    ]);
    const node = await readFile(original);
    const config = `${temporary}.json`;
    const bare = `${temporary}.node`;
    const carried = `${temporary}.assets`;
    await withdrawChecksums();
    try {
      const assets = terminal === undefined ? {} : await writeAssets(terminal, platform, carried);
      await writeFile(bare, name.endsWith('.exe') ? naming(name, () => removeCertificates(node)) : node);
      await writeFile(
        config,
        JSON.stringify({ ...FOREIGN_SETTINGS, assets, main: bundle, executable: bare, output: temporary }),
      );
      await runCommand(making, ['--build-sea', config]);
      const whole = await readFile(temporary);
      await writeFile(
        temporary,
        naming(name, () => finish(whole, program.name, platform)),
      );
      await chmod(temporary, 0o755);
    } finally {
      await Promise.all([config, bare, carried].map((path) => rm(path, { recursive: true, force: true })));
    }
  });
}

/** The files that the agent unpacks, as it finds them by their names, in `folder`. */
async function writeAssets(
  terminal: NonNullable<ForeignPlatform['terminal']>,
  platform: ForeignPlatform,
  folder: string,
): Promise<Record<string, string>> {
  const source = await fetchNpmArchive(terminal, terminal.files);
  await mkdir(folder);
  const entries = terminal.files.map(async (name): Promise<[string, string]> => {
    const path = join(folder, name);
    const file = await readFile(join(source, name));
    // Signed by us even where npm's are: of some of them only those for Apple's own processors are.
    const whole =
      platform.format === 'mach-o' ? naming(name, () => signAdHoc(file, assetIdentifier(name))) : file;
    await writeFile(path, whole);
    return [name, path];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** By which macOS knows a file that the agent unpacks. */
export function assetIdentifier(name: string): string {
  return `converge.agent.${name}`;
}

function finish(file: Buffer, name: string, { format }: ForeignPlatform): Buffer {
  if (format === 'mach-o') return signAdHoc(file, `converge.${name}`);
  writePeChecksum(file);
  return file;
}

function naming<Result>(name: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof MachOError || error instanceof PeError)) throw error;
    throw new BuildError('executable_unusable', `${name} cannot be made: ${error.message}`, { cause: error });
  }
}
