// Platforms: those that Converge has programs for, whether or not this relay has them.

/** As file names carry them; `PLATFORMS` of the build takes each (deploy/build/platform.ts, and a test compares the two). */
export const KNOWN_PLATFORMS = [
  'linux-x64',
  'linux-arm64',
  'darwin-arm64',
  'darwin-x64',
  'windows-x64',
] as const;

export type KnownPlatform = (typeof KNOWN_PLATFORMS)[number];

/** What most CI jobs run on. */
export const COMMON_PLATFORM = 'linux-x64' satisfies KnownPlatform;

/** Windows on ARM runs these as well. */
export const WINDOWS_PLATFORM = 'windows-x64' satisfies KnownPlatform;

export function isKnownPlatform(text: string): text is KnownPlatform {
  return KNOWN_PLATFORMS.some((platform) => platform === text);
}
