// Windows.
import type { Environment } from '#shared/machine/environment.ts';
import type { Platform } from '../platform.ts';
import type { UnpackedConpty } from './conpty-file.ts';
import { makePipeSocket } from './pipe-address.ts';
import { treeTools } from './process-tree.ts';
import { WINDOWS_COMMAND_PLACE } from './windows-command-place.ts';
import { WINDOWS_FILES } from './windows-files.ts';
import { windowsPrograms } from './windows-programs.ts';
import { windowsShells } from './windows-shells.ts';

/** `unpacked` is what opens terminals; `env` says where Windows is. */
export function windowsPlatform(unpacked: UnpackedConpty, env: Environment): Platform {
  return {
    programs: windowsPrograms(unpacked, treeTools(env)),
    shells: windowsShells(env),
    files: WINDOWS_FILES,
    commandPlace: WINDOWS_COMMAND_PLACE,
    makeAgentSocket: makePipeSocket,
    giveMemoryBack() {},
  };
}
