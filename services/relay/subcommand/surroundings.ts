// The surroundings of a subcommand: what it has of the process, and what it gives back.
import type { Environment } from '#shared/machine/environment.ts';

/** What a subcommand has of the process. */
export interface SubcommandSurroundings {
  readonly env: Environment;
  /** A line for the next program, or to keep: standard output. */
  readonly print: (line: string) => void;
  /** A line for a person: standard error. */
  readonly complain: (line: string) => void;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Returns the exit code. */
export type Subcommand = (args: readonly string[], surroundings: SubcommandSurroundings) => number;

export const EXIT_BAD_SUBCOMMAND = 2;
