// `token [NAME] [--expires 90d|DATE]`: makes a secret for a CI system without OIDC, and the lines of the policy that let it in.
import { createHash, randomBytes } from 'node:crypto';
import { splitArguments } from '#shared/command-line/split-arguments.ts';
import { EXIT_BAD_SUBCOMMAND, type SubcommandSurroundings } from './surroundings.ts';

/** What every token begins with, so that whoever looks for secrets in repositories and logs can find it. */
const TOKEN_PREFIX = 'cvg_';

/** Nobody guesses it, so a plain hash of it may lie in the policy. */
const TOKEN_BYTES = 32;

const DAY_MS = 86_400_000;
const DEFAULT_LIFE_DAYS = 90;
/** Ten years: what lives longer has no owner any more. */
const MAX_LIFE_DAYS = 3_653;

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DAYS = /^(\d{1,4})d$/;
const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

const USAGE = 'usage: node dist/relay/main.js token [NAME] [--expires 90d|2027-01-31]';

/**
 * Prints the secret, alone and once, on standard output, so that it can go straight into a secret store; the lines for the
 * policy file, which hold no secret, on standard error.
 */
export function tokenCommand(
  args: readonly string[],
  { complain, now, print }: SubcommandSurroundings,
): number {
  const wanted = readTokenArguments(args, now);
  if (wanted.kind === 'invalid') {
    complain(`relay: ${wanted.fault}`);
    complain(USAGE);
    return EXIT_BAD_SUBCOMMAND;
  }
  const { name, expires } = wanted;
  const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
  const sha256 = createHash('sha256').update(token).digest('hex');
  complain(`The token "${name}", which is shown this once, goes to the job as CONVERGE_TOKEN.`);
  complain('In the policy, under `tokens:` of its rule, beside the one that it replaces if there is one:');
  for (const line of ['', `- name: ${name}`, `  sha256: ${sha256}`, `  expires: ${expires}`, ''])
    complain(line);
  print(token);
  return 0;
}

type WantedToken =
  | { readonly kind: 'wanted'; readonly name: string; readonly expires: string }
  | { readonly kind: 'invalid'; readonly fault: string };

function readTokenArguments(args: readonly string[], now: number): WantedToken {
  const { options, positionals } = splitArguments(args, { expires: { takesValue: true } });
  const [name = `token-${dateFrom(now)}`, ...more] = positionals;
  const unknown = options.find((option) => option.name !== 'expires')?.rawName ?? more[0];
  if (unknown !== undefined) return { kind: 'invalid', fault: `"${unknown}" is nothing that token knows` };
  if (!NAME.test(name)) {
    const fault = `"${name}" is no name: lower-case letters, digits and dashes, up to 64, a dash not first`;
    return { kind: 'invalid', fault };
  }
  const given = options.at(-1);
  const text = given === undefined ? `${DEFAULT_LIFE_DAYS}d` : (given.value ?? '');
  const expires = DAYS.test(text) ? dateFrom(now + Number.parseInt(text, 10) * DAY_MS) : text;
  const end = DATE.test(expires) ? Date.parse(`${expires}T00:00:00Z`) : Number.NaN;
  // What is no day of the calendar comes back as another one, or not at all.
  if (Number.isNaN(end) || dateFrom(end) !== expires) {
    return {
      kind: 'invalid',
      fault: `--expires "${text}" is neither days such as 90d nor a date such as 2027-01-31`,
    };
  }
  if (end <= now || end > now + MAX_LIFE_DAYS * DAY_MS) {
    const fault = `--expires "${text}" is ${end <= now ? 'not after today' : 'more than ten years away'}`;
    return { kind: 'invalid', fault };
  }
  return { kind: 'wanted', name, expires };
}

/** The day in UTC, as YYYY-MM-DD. */
function dateFrom(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
