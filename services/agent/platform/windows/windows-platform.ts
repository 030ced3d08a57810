// Windows.
import type { Platform } from '../platform.ts';
import type { UnpackedConpty } from './conpty-file.ts';
import { makePipeSocket } from './pipe-address.ts';
import { WINDOWS_COMMAND_PLACE } from './windows-command-place.ts';
import { WINDOWS_FILES } from './windows-files.ts';
import { windowsPrograms } from './windows-programs.ts';
import { windowsShells } from './windows-shells.ts';

/** `unpacked` is what opens terminals. */
export function windowsPlatform(unpacked: UnpackedConpty): Platform {
  return {
    programs: windowsPrograms(unpacked),
    shells: windowsShells(),
    files: WINDOWS_FILES,
    commandPlace: WINDOWS_COMMAND_PLACE,
    makeAgentSocket: makePipeSocket,
  };
}
