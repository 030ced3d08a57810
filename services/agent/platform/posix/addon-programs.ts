// Programs as the agent's own addon starts them.
import { startDetachedProcess } from '../../process/detached-process.ts';
import { startPipedProcess } from '../../process/piped-process.ts';
import { openAddonDevice } from '../../pty/addon-device.ts';
import { openPty } from '../../pty/pty.ts';
import type { Programs } from '../programs.ts';
import { findProgram } from './program-search.ts';

export const ADDON_PROGRAMS: Programs = {
  startPiped: startPipedProcess,
  startDetached: startDetachedProcess,
  openTerminal: (launch, sink) => openPty(openAddonDevice, launch, sink),
  argumentsFrom: (words) => words,
  find: findProgram,
  settled: () => Promise.resolve(),
};
