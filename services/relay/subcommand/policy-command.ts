// `policy FILE`: checks a policy file as the relay would, and prints its faults, or what its rules say.
import { policySummary } from '../policy/file/policy-summary.ts';
import { loadPolicySync } from '../policy/file/policy-version.ts';
import { EXIT_BAD_SUBCOMMAND, type SubcommandSurroundings } from './surroundings.ts';

/** Exit code 0: a relay would take the file; 2: it would not. */
export function policyCommand(
  args: readonly string[],
  { complain, env, now, print }: SubcommandSurroundings,
): number {
  const [path, ...rest] = args;
  if (path === undefined || path.startsWith('-') || rest.length > 0) {
    complain(
      'relay: policy FILE checks a policy file and says what it does; PUBLIC_URL counts where it has no audience',
    );
    return EXIT_BAD_SUBCOMMAND;
  }
  const audience = URL.parse(env['PUBLIC_URL'] ?? '')?.origin;
  const version = loadPolicySync(path, { audience, now });
  if (version.kind === 'bad') {
    for (const fault of version.faults) complain(fault);
    return EXIT_BAD_SUBCOMMAND;
  }
  for (const warning of version.warnings) complain(`${warning} (the file counts all the same)`);
  for (const line of policySummary(version.policy)) print(line);
  return 0;
}
