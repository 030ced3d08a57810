// The process addon: its functions (process.cc) with their types, and its failures as errors.
import { getSystemErrorMap } from 'node:util';
import { loadNativeAddon } from '#shared/machine/native-addon.ts';

export interface PipeEnds {
  readonly read: number;
  readonly write: number;
}

export interface TerminalEnds {
  readonly master: number;
  /** The master once more. */
  readonly reader: number;
  readonly slave: number;
  /** The path of the slave. */
  readonly name: string;
}

/** A failure is an errno, negated. Every other number is a descriptor, a pid or a wait status. */
export interface ProcessAddon {
  openPipe(): PipeEnds | number;
  openTerminal(columns: number, rows: number, modes: Uint32Array): TerminalEnds | number;
  resizeTerminal(master: number, columns: number, rows: number): number;
  spawn(
    file: Buffer,
    cwd: Buffer,
    argv: readonly Buffer[],
    env: readonly Buffer[],
    stdio: readonly [number, number, number],
    isTerminal: boolean,
  ): number;
  collect(pid: number): number | undefined;
  giveMemoryBack(): void;
}

/** The kernel's ENOEXEC, for which Node has no words because its own library never returns it. */
const NOT_EXECUTABLE_ERRNO = -8;

/** What the kernel refused; `message` is its reason alone, such as "no such file or directory". */
export class ProcessError extends Error {
  readonly code: string;
  override readonly name = 'ProcessError';

  constructor(errno: number) {
    const [code, message] = describe(errno);
    super(message);
    this.code = code;
  }
}

/** Loaded on the first call. @throws NativeAddonError */
export function processAddon(): ProcessAddon {
  return loadNativeAddon('process') as ProcessAddon;
}

/** `result`, unless it is an errno. @throws ProcessError */
export function checked<Result>(result: Result): Result {
  if (typeof result === 'number' && result < 0) throw new ProcessError(result);
  return result;
}

function describe(errno: number): readonly [string, string] {
  if (errno === NOT_EXECUTABLE_ERRNO) return ['ENOEXEC', 'exec format error'];
  return getSystemErrorMap().get(errno) ?? ['EUNKNOWN', `error ${-errno}`];
}
