// node-pty's addon: those of its functions that are used here, with their types.
import { loadAddonFile } from '#shared/machine/native-addon.ts';

export interface TerminalAddon {
  /** Neither side blocks, and neither is close-on-exec. `pty` is the path of the device. Throws where the system has none left. */
  open(
    columns: number,
    rows: number,
  ): { readonly master: number; readonly slave: number; readonly pty: string };
  resize(master: number, columns: number, rows: number): void;
}

/** @throws NativeAddonError */
export function loadTerminalAddon(file: string): TerminalAddon {
  return loadAddonFile(file) as TerminalAddon;
}
