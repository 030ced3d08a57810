// Subcommands: what the relay's program does besides being a relay, `node …/main.js policy FILE`.
import type { Environment } from '#shared/machine/environment.ts';
import { policyCommand } from './policy-command.ts';

/** What a subcommand is given of the process. */
export interface SubcommandSurroundings {
  readonly env: Environment;
  /** A line on standard output. */
  readonly print: (line: string) => void;
  /** A line on standard error. */
  readonly complain: (line: string) => void;
}

/** @returns the exit code */
export type Subcommand = (args: readonly string[], surroundings: SubcommandSurroundings) => number;

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map([['policy', policyCommand]]);

/** The subcommand that the first argument names; undefined: there is none, and this is a relay. */
export function subcommandOf(word: string | undefined): Subcommand | undefined {
  return word === undefined ? undefined : SUBCOMMANDS.get(word);
}
