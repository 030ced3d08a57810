// Shells as the platform has them: which one people get, and how it is given a command.
import type { Bytes } from './programs.ts';

export interface Shells {
  /** The path of a shell that can be run; `wanted` is taken as it is. */
  choose(wanted: string | undefined, env: Readonly<Record<string, string | undefined>>): string;
  /** With what it runs a command, or talks with a person: for `argv` of a program. The first is the shell's own name. */
  argumentsFor(shell: string, command: Buffer | undefined): readonly Bytes[];
  /** Where programs start when the directory that was meant is gone. */
  readonly lastDirectory: string;
}
