// The platform that this process runs on.
import type { Platform } from './platform/platform.ts';
import { ADDON_PROGRAMS } from './platform/posix/addon-programs.ts';
import { posixPlatform } from './platform/posix/posix-platform.ts';

/** Starts nothing, and loads nothing before it is needed. */
export function ownPlatform(): Platform {
  return posixPlatform(ADDON_PROGRAMS);
}
