// Linux and macOS.
import type { Platform } from '../platform.ts';
import type { Programs } from '../programs.ts';
import { makeUnixSocketPlace } from './posix-agent-socket.ts';
import { POSIX_COMMAND_PLACE } from './posix-command-place.ts';
import { POSIX_FILES } from './posix-files.ts';
import { POSIX_SHELLS } from './posix-shells.ts';

/** Both, but for what the agent's own addon does where there is one. */
export function posixPlatform(programs: Programs, giveMemoryBack: () => void): Platform {
  return {
    programs,
    shells: POSIX_SHELLS,
    files: POSIX_FILES,
    commandPlace: POSIX_COMMAND_PLACE,
    makeAgentSocket: makeUnixSocketPlace,
    giveMemoryBack,
  };
}
