// The memory of this process: how the system gets back what nothing uses of it.
import { NativeAddonError } from '#shared/machine/native-addon.ts';
import { processAddon } from './process-addon.ts';

/**
 * Collects all garbage and gives free pages to the system. It takes 20 to 40 ms, in which nothing else happens. Where no folder
 * takes the addon, nothing is given back.
 */
export function giveMemoryBack(): void {
  try {
    processAddon().giveMemoryBack();
  } catch (error) {
    if (!(error instanceof NativeAddonError)) throw error;
  }
}
