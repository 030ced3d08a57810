// node-pty's addon for Windows: those of its functions that are used here, with their types.
import { loadAddonFile } from '#shared/machine/native-addon.ts';

/** A terminal whose two pipes wait for somebody. */
export interface OpenedConpty {
  /** Its number in the addon. */
  readonly pty: number;
  /** Addresses of pipes: what a person types goes into one, and the screen comes out of the other. */
  readonly conin: string;
  readonly conout: string;
}

/** All throw an Error with a text of node-pty's. */
export interface ConptyAddon {
  startProcess(
    file: string,
    columns: number,
    rows: number,
    debug: boolean,
    pipeName: string,
    inheritsCursor: boolean,
  ): OpenedConpty;
  /** Waits, with the whole process, until both pipes are connected; then starts the program. */
  connect(
    pty: number,
    commandLine: string,
    cwd: string,
    env: readonly string[],
    onExit: (code: number) => void,
  ): { readonly pid: number };
  /** Nothing happens when the program has ended. */
  resize(pty: number, columns: number, rows: number): void;
}

/** @throws NativeAddonError */
export function loadConptyAddon(file: string): ConptyAddon {
  return loadAddonFile(file) as ConptyAddon;
}
