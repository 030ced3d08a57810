// Systems of laptops: whose commands differ, and which programs this relay has for them.
import { hasFile, type Offer, SCRIPT_FILE } from '../download/binary.ts';

/** In the order in which they are shown to whoever runs none of them, a phone say. */
export const SYSTEMS = ['linux', 'macos', 'windows'] as const;

export type System = (typeof SYSTEMS)[number];

export const SYSTEM_NAMES: Readonly<Record<System, string>> = {
  linux: 'Linux',
  macos: 'macOS',
  windows: 'Windows',
};

/** By how the names of platforms begin. */
const SYSTEMS_OF_PLATFORMS: Readonly<Record<string, System>> = {
  linux: 'linux',
  darwin: 'macos',
  windows: 'windows',
};

/** What the relay has for laptops. */
export interface LaptopOffer {
  /** Those with a wsproxy of their own here. */
  readonly served: readonly System[];
  readonly hasScript: boolean;
}

export function laptopOffer(offer: Offer): LaptopOffer {
  return { served: systemsWith(offer, 'wsproxy'), hasScript: hasFile(offer, SCRIPT_FILE) };
}

/** The systems that this relay has a program for. */
export function systemsWith(offer: Offer, name: 'agent' | 'wsproxy'): System[] {
  return SYSTEMS.filter((system) =>
    offer.binaries.some(
      ({ program, platform }) => program === name && platform !== undefined && systemOf(platform) === system,
    ),
  );
}

/** As a snippet says whose it is: undefined where it is everybody's. */
export function systemsUnlessAll(systems: readonly System[]): readonly System[] | undefined {
  return systems.length === SYSTEMS.length ? undefined : systems;
}

/** `Linux, macOS`; nothing for all of them. */
export function systemsTag(systems: readonly System[] | undefined): string | undefined {
  return systems?.map((system) => SYSTEM_NAMES[system]).join(', ');
}

function systemOf(platform: string): System | undefined {
  return SYSTEMS_OF_PLATFORMS[platform.replace(/-.*/, '')];
}
