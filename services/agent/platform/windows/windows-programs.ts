// Programs on Windows: started by Node, and given a console by node-pty's addon.
import { argumentQuoted } from '#shared/text/argument-quoted.ts';
import { type Programs, TerminalError } from '../programs.ts';
import { openConpty } from './conpty.ts';
import { type ConptyAddon, loadConptyAddon } from './conpty-addon.ts';
import type { UnpackedConpty } from './conpty-file.ts';
import { makePipeName } from './pipe-address.ts';
import { type EndTree, endTree, type TreeTools } from './process-tree.ts';
import { findWindowsProgram } from './program-search.ts';
import { startWindowsDetached } from './windows-detached-process.ts';
import { startWindowsProgram } from './windows-piped-process.ts';

/** The addon is loaded for the first terminal. */
export function windowsPrograms(unpacked: UnpackedConpty, tools: TreeTools): Programs {
  let addon: ConptyAddon | undefined;
  const ending = new Set<Promise<void>>();
  const end: EndTree = (root) => {
    const ended = endTree(root, tools).finally(() => ending.delete(ended));
    ending.add(ended);
  };
  return {
    startPiped: (launch, onEnd) => startWindowsProgram(end, launch, onEnd),
    startDetached: startWindowsDetached,
    openTerminal(launch, sink) {
      addon ??= loadAddon(unpacked);
      return openConpty({ addon, endTree: end, pipeName: () => makePipeName('terminal') }, launch, sink);
    },
    argumentsFrom: (words) => words.map(argumentQuoted),
    find: (name, path) => findWindowsProgram(name, path),
    async settled() {
      await Promise.all(ending);
    },
  };
}

/** @throws TerminalError */
function loadAddon(unpacked: UnpackedConpty): ConptyAddon {
  if (unpacked.kind === 'none') {
    throw new TerminalError(
      'no_terminal',
      `no folder takes what opens a terminal: ${unpacked.detail}`,
      undefined,
    );
  }
  try {
    return loadConptyAddon(unpacked.file);
  } catch (cause) {
    throw new TerminalError('no_terminal', `cannot open a terminal: ${(cause as Error).message}`, cause);
  }
}
