// The platform that this process runs on.
import { tmpdir } from 'node:os';
import { getRawAsset } from 'node:sea';
import type { Environment } from '#shared/machine/environment.ts';
import { temporaryFolders } from '#shared/machine/temporary-folders.ts';
import { macosPrograms } from './platform/macos/macos-programs.ts';
import { unpackTerminalFiles } from './platform/macos/terminal-files.ts';
import type { Platform } from './platform/platform.ts';
import { ADDON_PROGRAMS } from './platform/posix/addon-programs.ts';
import { posixPlatform } from './platform/posix/posix-platform.ts';
import { unpackConpty } from './platform/windows/conpty-file.ts';
import { windowsPlatform } from './platform/windows/windows-platform.ts';
import { giveMemoryBack } from './process/own-memory.ts';

/** `env` says where Windows is. Starts nothing. On macOS and Windows it unpacks what opens terminals, as long as there is room for it. */
export function ownPlatform(env: Environment = {}): Platform {
  if (process.platform === 'win32') return windowsPlatform(unpackConpty(userFolders(env), getRawAsset), env);
  return process.platform === 'darwin' ? macosPlatform() : posixPlatform(ADDON_PROGRAMS, giveMemoryBack);
}

function macosPlatform(): Platform {
  const unpacked = unpackTerminalFiles(temporaryFolders(tmpdir()), getRawAsset);
  if (unpacked.kind === 'unpacked') process.on('exit', unpacked.remove);
  return posixPlatform(macosPrograms(unpacked), () => undefined);
}

/** Those in which nobody else may write. */
function userFolders({ LOCALAPPDATA, USERPROFILE }: Environment): string[] {
  return [LOCALAPPDATA, USERPROFILE, tmpdir()].filter((folder) => folder !== undefined);
}
