// Programs on macOS: started by Node, and given a terminal by node-pty's addon and helper.
import { startDetachedByNode } from '../../process/detached-process.ts';
import { startByNode } from '../../process/node-process.ts';
import { openPty } from '../../pty/pty.ts';
import type { OpenDevice } from '../../pty/terminal-device.ts';
import { findProgram } from '../posix/program-search.ts';
import type { Programs } from '../programs.ts';
import { openHelpedDevice } from './helped-device.ts';
import { loadTerminalAddon, type TerminalAddon } from './terminal-addon.ts';
import type { UnpackedTerminalFiles } from './terminal-files.ts';

/** The addon is loaded for the first terminal. */
export function macosPrograms(unpacked: UnpackedTerminalFiles): Programs {
  let addon: TerminalAddon | undefined;
  const open: OpenDevice = (columns, rows, modes) => {
    if (unpacked.kind === 'none') throw new Error(`no folder takes what opens it: ${unpacked.detail}`);
    const { files } = unpacked;
    addon ??= loadTerminalAddon(files.addon);
    return openHelpedDevice(addon, files.helper)(columns, rows, modes);
  };
  return {
    startPiped: startByNode,
    startDetached: startDetachedByNode,
    openTerminal: (launch, sink) => openPty(open, launch, sink),
    argumentsFrom: (words) => words,
    find: findProgram,
    settled: () => Promise.resolve(),
  };
}
