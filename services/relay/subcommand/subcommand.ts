// Subcommands: what the relay's program does beside being a relay, when a word behind it says so.
import { policyCommand } from './policy-command.ts';
import { EXIT_BAD_SUBCOMMAND, type Subcommand, type SubcommandSurroundings } from './surroundings.ts';
import { tokenCommand } from './token-command.ts';

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map([
  ['policy', policyCommand],
  ['token', tokenCommand],
]);

const HELP = `usage: node dist/relay/main.js                  a relay, set up by its variables (README.md, "The relay")
       node dist/relay/main.js policy FILE      checks a policy file and says what it does
       node dist/relay/main.js token [NAME]     makes a token and its lines for a policy; --expires 90d|2027-01-31`;

/** The one option of the relay itself: it says to a person what to do next. */
const RELAY_OPTION = '--hints';

/**
 * Runs the subcommand that the first of `args` names, and gives its exit code; undefined where there is none, and so a
 * relay is wanted. `--help` anywhere says what there is. Another word or option is refused, since who wrote it did not want a relay, or not one without it: with
 * `--policy FILE` passed over, it would be open.
 */
export function runSubcommand(
  args: readonly string[],
  surroundings: SubcommandSurroundings,
): number | undefined {
  const [name, ...more] = args;
  if (args.includes('--help') || args.includes('-h')) {
    surroundings.print(HELP);
    return 0;
  }
  const isOption = name?.startsWith('-') === true;
  const odd = isOption ? args.find((word) => word !== RELAY_OPTION) : undefined;
  if (odd !== undefined) {
    surroundings.complain(
      `relay: "${odd}" is nothing that a relay knows: it is set up by environment variables, such as POLICY_FILE`,
    );
    return EXIT_BAD_SUBCOMMAND;
  }
  if (name === undefined || isOption) return undefined;
  const subcommand = SUBCOMMANDS.get(name);
  if (subcommand !== undefined) return subcommand(more, surroundings);
  const known = [...SUBCOMMANDS.keys()].join(', ');
  surroundings.complain(`relay: there is no command "${name}", only ${known}; without one this is a relay`);
  return EXIT_BAD_SUBCOMMAND;
}
