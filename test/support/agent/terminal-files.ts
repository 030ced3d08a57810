// What opens terminals on macOS, as it is on Linux: node-pty's addon for this machine, and a helper like its own.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensureBuildCommands } from '../../../deploy/build/build-commands.ts';
import { fetchNpmFile } from '../../../deploy/build/npm-archive.ts';
import { PLATFORM, WORKSHOP } from '../../../deploy/build/source-tree.ts';
import type { UnpackedTerminalFiles } from '../../../services/agent/platform/macos/terminal-files.ts';

const run = promisify(execFile);

const ARCHIVES: Readonly<Record<string, string | undefined>> = {
  'linux-x64':
    'sha512-NcNqRTD14QT+vXcEuqSSvmWY+0+WUBn2uRE8EN0zKtDpIEr9d+YiFj16Uqds6QfcLCHfZmC+Ls7YzwTaqDnanA==',
  'linux-arm64':
    'sha512-yyDBmalCfHpLiQMT2zyLcqL2Fay4Xy7rIs8GH4dqKLnEviMvPGOK7LADVkKAsbsyXBSISL3Lt1m1MtxhPH6ckg==',
};

const SOURCE = fileURLToPath(new URL('spawn-helper.c', import.meta.url));

/** They stay where they are, for the next test file. */
export async function madeTerminalFiles(): Promise<UnpackedTerminalFiles> {
  const integrity = ARCHIVES[PLATFORM];
  if (integrity === undefined) throw new Error(`node-pty is not there for ${PLATFORM}`);
  const archive = { name: `@lydell/node-pty-${PLATFORM}`, version: '1.1.0', integrity };
  const addon = await fetchNpmFile(archive, 'pty.node');
  await ensureBuildCommands(['g++']);
  const helper = join(WORKSHOP, 'spawn-helper');
  await mkdir(WORKSHOP, { recursive: true });
  const folder = await mkdtemp(join(WORKSHOP, 'spawn-helper-'));
  await run('gcc', ['-O2', '-Wall', '-Werror', '-o', join(folder, 'made'), SOURCE]);
  await rename(join(folder, 'made'), helper);
  await rm(folder, { recursive: true });
  return { kind: 'unpacked', files: { addon, helper }, remove() {} };
}
