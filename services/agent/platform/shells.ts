// Shells as the platform has them: which one people get, and how it is given a command.
import { win32 } from 'node:path';
import type { Bytes } from './programs.ts';

/** Paths, or names that Windows finds. */
export interface ShellChoice {
  /** Talks with people, and runs commands if no other does. */
  readonly shell: string;
  readonly commandShell?: string;
}

export interface Shells {
  /** Shells that can be run; `wanted` is taken as it is. */
  choose(wanted: string | undefined, env: Readonly<Record<string, string | undefined>>): ShellChoice;
  /**
   * With what one runs a command, or talks with a person, who may have no terminal: for `argv` of a program. The first is the
   * shell's own name.
   */
  argumentsFor(shell: string, command: Buffer | undefined, hasTerminal: boolean): readonly Bytes[];
  /** Where programs start when the directory that was meant is gone. */
  readonly lastDirectory: string;
}

/** Whether a path, or a name that Windows finds, is that of PowerShell, which takes commands in words of its own. */
export function isPowerShell(shell: string): boolean {
  return /^(?:powershell|pwsh)(?:\.exe)?$/i.test(win32.basename(shell));
}
