// The platform that this process runs on.
import { tmpdir } from 'node:os';
import { getRawAsset } from 'node:sea';
import { temporaryFolders } from '#shared/machine/temporary-folders.ts';
import { macosPrograms } from './platform/macos/macos-programs.ts';
import { unpackTerminalFiles } from './platform/macos/terminal-files.ts';
import type { Platform } from './platform/platform.ts';
import { ADDON_PROGRAMS } from './platform/posix/addon-programs.ts';
import { posixPlatform } from './platform/posix/posix-platform.ts';

/** Starts nothing. On macOS it unpacks what opens terminals, as long as there is room for it. */
export function ownPlatform(): Platform {
  return process.platform === 'darwin' ? macosPlatform() : posixPlatform(ADDON_PROGRAMS);
}

function macosPlatform(): Platform {
  const unpacked = unpackTerminalFiles(temporaryFolders(tmpdir()), getRawAsset);
  if (unpacked.kind === 'unpacked') process.on('exit', unpacked.remove);
  return posixPlatform(macosPrograms(unpacked));
}
