// Starting a program as sshd does: it inherits nothing of this process but what is given here.
import type { ProcessEnd } from '../platform/process-end.ts';
import type { Bytes, ProgramLaunch } from '../platform/programs.ts';
import { listenForEnds, whenEnded } from './children.ts';
import { checked, processAddon } from './process-addon.ts';

/** Its directory is `/` where that is gone. */
export interface SpawnOptions extends ProgramLaunch {
  /** Standard input, output and error. They stay open here: close them. */
  readonly stdio: readonly [number, number, number];
  /** Whether the first of them becomes its controlling terminal. */
  readonly isTerminal: boolean;
}

/**
 * Starts a program as the leader of a session and a process group of its own, with every signal as the system has it,
 * and with no descriptor but those three. `onEnd` is called once, in a later turn. Returns its pid.
 * @throws ProcessError when the kernel does not start it; then nothing has run.
 */
export function spawn(options: SpawnOptions, onEnd: (end: ProcessEnd) => void): number {
  listenForEnds();
  const env = [...options.env].map(([name, value]) =>
    Buffer.concat([Buffer.from(`${name}=`), bytesOf(value)]),
  );
  const pid = checked(
    processAddon().spawn(
      Buffer.from(options.file),
      Buffer.from(options.cwd),
      options.argv.map(bytesOf),
      env,
      options.stdio,
      options.isTerminal,
    ),
  );
  whenEnded(pid, onEnd);
  return pid;
}

/** Signals the program's whole process group. Nothing happens when nobody is in it. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: it has just ended.
  }
}

function bytesOf(value: Bytes): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : value;
}
