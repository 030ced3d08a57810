// The device of a terminal as node-pty's addon opens it, and its helper gives it to a program.
//
// The addon's own way to start a program is not taken: it leaves a descriptor or two open at each start (node-pty#950), until
// the system has no terminal left, and an exec that failed is an exit code of 1.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { constants as system } from 'node:os';
import { checkExecutable, endFromNode, textVariables } from '../../process/node-child.ts';
import { ProcessError } from '../../process/process-addon.ts';
import type { OpenDevice } from '../../pty/terminal-device.ts';
import type { TerminalMode } from '../terminal-mode.ts';
import { sttyWords } from './stty-words.ts';
import type { TerminalAddon } from './terminal-addon.ts';

const STTY = '/bin/stty';
/** It takes some milliseconds, for which this process waits. */
const STTY_TIMEOUT_MS = 1_000;

/** `addon` opens terminals; `helper` is the path of the program that takes the one that it is given for its own. */
export function openHelpedDevice(addon: TerminalAddon, helper: string): OpenDevice {
  return (columns, rows, modes) => {
    const { master, slave, name } = openBoth(addon, columns, rows);
    setModes(slave, modes);
    return {
      name,
      master,
      // There is no dup(2) to be had.
      reader: master,
      isHeldOpen: true,
      start({ file, argv, cwd, env }, onEnd) {
        checkExecutable(file);
        const child = spawn(helper, [cwd, file, ...argv.slice(1).map(String)], {
          env: textVariables(env),
          stdio: [slave, slave, slave],
          // A session of its own, as whose leader the helper opens the terminal.
          detached: true,
        });
        child.on('exit', (code, signal) => {
          onEnd(endFromNode(code, signal));
        });
        child.on('error', () => {}); // without a pid, see below
        if (child.pid === undefined) throw new ProcessError(-system.errno.EAGAIN);
        return child.pid;
      },
      resize(newColumns, newRows) {
        addon.resize(master, newColumns, newRows);
      },
      // As long as it is open no reader ends before the program. It comes after the master: macOS would wait in the last
      // close of this side until somebody has read what was written to it.
      close() {
        closeSync(slave);
      },
    };
  };
}

interface BothSides {
  readonly master: number;
  readonly slave: number;
  readonly name: string;
}

function openBoth(addon: TerminalAddon, columns: number, rows: number): BothSides {
  const { master, slave: unblocked, pty: name } = addon.open(columns, rows);
  try {
    // The addon's own does not block, for nobody who has it, and whatever is started later would inherit it.
    return { master, slave: openSync(name, constants.O_RDWR | constants.O_NOCTTY), name };
  } catch (error) {
    closeSync(master);
    throw new ProcessError((error as NodeJS.ErrnoException).errno ?? -system.errno.ENXIO);
  } finally {
    closeSync(unblocked);
  }
}

/** As in sshd, a setting that the system does not take is no reason to have no terminal. */
function setModes(slave: number, modes: readonly TerminalMode[]): void {
  spawnSync(STTY, sttyWords(modes), {
    stdio: [slave, 'ignore', 'ignore'],
    env: {},
    timeout: STTY_TIMEOUT_MS,
  });
}
