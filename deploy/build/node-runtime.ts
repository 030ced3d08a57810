// The Node runtime: the pinned Node of this platform, and the copy without symbols that the binaries are made of.
import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBuildCommands } from './build-commands.ts';
import { BuildError } from './build-error.ts';
import { runCommand } from './command.ts';
import { keepsEnglish, trimIcuData } from './icu-data.ts';
import { PLATFORM, ROOT, WORKSHOP } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';

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
 * A copy of the pinned Node without symbols, which is 18 MB less, and without the languages of ICU, which is 12 MB less of what is
 * compressed. It must happen before a blob is injected, never after.
 */
export async function slimNode(): Promise<Made> {
  const version = await readNodeVersion();
  const { size } = await stat(NODE_BINARY);
  const output = join(WORKSHOP, `node-${PLATFORM}`);
  return await makeOnce(output, ['strip', 'icu 1', version, String(size)], async (temporary) => {
    await ensureBuildCommands(['strip']);
    await copyFile(NODE_BINARY, temporary);
    await runCommand('strip', [temporary]);
    const executable = await readFile(temporary);
    trimIcuData(executable, keepsEnglish);
    await writeFile(temporary, executable);
  });
}
