// Subcommands: what the relay's program does beside being a relay, when a word behind it says so.
import { policyCommand } from './policy-command.ts';
import { EXIT_BAD_SUBCOMMAND, type Subcommand, type SubcommandSurroundings } from './surroundings.ts';
import { tokenCommand } from './token-command.ts';

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map([
  ['policy', policyCommand],
  ['token', tokenCommand],
]);

/**
 * Runs the subcommand that the first of `args` names, and gives its exit code; undefined where there is none, and so a
 * relay is wanted. Another word is refused, since who wrote it did not want a relay.
 */
export function runSubcommand(
  args: readonly string[],
  surroundings: SubcommandSurroundings,
): number | undefined {
  const [name, ...more] = args;
  if (name === undefined || name.startsWith('-')) return undefined;
  const subcommand = SUBCOMMANDS.get(name);
  if (subcommand !== undefined) return subcommand(more, surroundings);
  const known = [...SUBCOMMANDS.keys()].join(', ');
  surroundings.complain(`relay: there is no command "${name}", only ${known}; without one this is a relay`);
  return EXIT_BAD_SUBCOMMAND;
}
