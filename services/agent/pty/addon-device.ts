// The device of a terminal as the agent's own addon opens it.
import { closeSync } from 'node:fs';
import { checked, processAddon, type TerminalEnds } from '../process/process-addon.ts';
import { spawn } from '../process/spawn.ts';
import { packModes } from './packed-modes.ts';
import type { OpenDevice } from './terminal-device.ts';

export const openAddonDevice: OpenDevice = (columns, rows, modes) => {
  const ends = checked(processAddon().openTerminal(columns, rows, packModes(modes))) as TerminalEnds;
  const { master, reader, slave, name } = ends;
  return {
    name,
    master,
    reader,
    isHeldOpen: false,
    start(launch, onEnd) {
      try {
        return spawn({ ...launch, stdio: [slave, slave, slave], isTerminal: true }, onEnd);
      } finally {
        closeSync(slave);
      }
    },
    resize(newColumns, newRows) {
      processAddon().resizeTerminal(master, newColumns, newRows);
    },
    // Until then it keeps the terminal alive: a program that has closed its own side is not hung up by that.
    close() {
      closeSync(master);
    },
  };
};
