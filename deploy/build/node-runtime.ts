// The Node runtime: the pinned Node of this platform and of the other, and the copy without symbols that the binaries are made of.
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';
import { runCommand } from './command.ts';
import { keepsEnglish, trimIcuData } from './icu-data.ts';
import { isHost, type LinuxPlatform } from './linux-platform.ts';
import { fetchNpmFile, type NpmArchive } from './npm-archive.ts';
import { PLATFORM, ROOT, WORKSHOP } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';
import { ensureCompilers } from './toolchain.ts';
import { removeTypeStripper } from './type-stripper.ts';

/** The folder of the npm package that brings Node for this platform: `bin/node` and `include/node`. */
export const NODE_PACKAGE = join(ROOT, 'node_modules', `node-${PLATFORM}`);

export const NODE_BINARY = join(NODE_PACKAGE, 'bin', 'node');

/**
 * The version of the pinned Node, such as `24.21.0`.
 * @throws BuildError `platform_unsupported` where npm brought none.
 */
export async function readNodeVersion(): Promise<string> {
  try {
    const manifest = JSON.parse(await readFile(join(NODE_PACKAGE, 'package.json'), 'utf8')) as {
      version: string;
    };
    return manifest.version;
  } catch (cause) {
    const message = `no Node for ${PLATFORM} in node_modules; the build runs on linux-x64 and linux-arm64, after npm ci`;
    throw new BuildError('platform_unsupported', message, { cause });
  }
}

/**
 * The Node of the same version for `platform`, as package-lock.json pins it: npm installs that of its own machine alone.
 * @throws BuildError `platform_unsupported` where the lock file has none
 */
export async function readLockedNode({ name: platform }: LinuxPlatform): Promise<NpmArchive> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Partial<NpmArchive> | undefined>>;
  };
  const name = `node-${platform}`;
  const { version, integrity } = lock.packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined || version !== (await readNodeVersion()))
    throw new BuildError(
      'platform_unsupported',
      `package-lock.json has no ${name} of version ${await readNodeVersion()}`,
    );
  return { name, version, integrity };
}

/**
 * A copy of the pinned Node without symbols, which is 18 MB less, and without the languages of ICU and the compiler of TypeScript,
 * which is 13 MB less of what is compressed. It must happen before a blob is injected, never after.
 */
export async function slimNode(platform: LinuxPlatform): Promise<Made> {
  const { version, integrity } = await readLockedNode(platform);
  const output = join(WORKSHOP, `node-${platform.name}`);
  return await makeOnce(output, ['strip', 'icu 1', 'types', version, integrity], async (temporary) => {
    const { strip } = await ensureCompilers(platform);
    await copyFile(await findNode(platform), temporary);
    await runCommand(strip, [temporary]);
    const executable = await readFile(temporary);
    trimIcuData(executable, keepsEnglish);
    removeTypeStripper(executable);
    await writeFile(temporary, executable);
  });
}

async function findNode(platform: LinuxPlatform): Promise<string> {
  return isHost(platform) ? NODE_BINARY : await fetchNpmFile(await readLockedNode(platform), 'bin/node');
}
