// Build commands: what the build runs beyond Node and npm, and the Debian packages that bring it.
import { ensureInstalled } from './debian-packages.ts';

export const BUILD_PACKAGES = {
  'g++': 'g++',
  strip: 'binutils',
  tar: 'tar',
  unzip: 'unzip',
} as const;

/** Makes sure that `commands` can be run. @throws BuildError as `ensureInstalled` does */
export async function ensureBuildCommands(commands: readonly (keyof typeof BUILD_PACKAGES)[]): Promise<void> {
  await ensureInstalled(commands, BUILD_PACKAGES);
}
