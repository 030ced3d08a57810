// session-check, the process: opens a session through the relay at a URL and says whether that works. `helm test` runs it.
import { dirname, join } from 'node:path';
import { checkSession } from './session-check.ts';

const EXIT_FAILED = 1;
const EXIT_BAD_ARGUMENTS = 2;
/** An agent starts in a second and a session in less; a relay that is just coming up gets patience. */
const CHECK_WITHIN_MS = 90_000;
const RELAY_URL = /^wss?:\/\/[^/]+$/;

async function main(): Promise<number> {
  const [relay, ...more] = process.argv.slice(2);
  if (relay === undefined || more.length > 0 || !RELAY_URL.test(relay)) {
    console.error('usage: node session-check.js ws[s]://HOST[:PORT]');
    return EXIT_BAD_ARGUMENTS;
  }
  const result = await checkSession({
    relay,
    // The build puts bin/ beside the folder of this bundle.
    binaries: join(dirname(process.argv[1] ?? ''), '../bin'),
    environment: process.env,
    signal: AbortSignal.timeout(CHECK_WITHIN_MS),
  });
  switch (result.kind) {
    case 'passed':
      console.log(
        `session-check: a session through ${relay} in ${result.seconds.toFixed(1)} s (${result.id})`,
      );
      return 0;
    case 'guarded':
      console.log(
        `session-check: ${relay} answers, and its policy lets no ${result.role} in without a proof; so no session was tried`,
      );
      return 0;
    case 'failed':
      console.error(`session-check: failed at the ${result.step}: ${result.detail}`);
      return EXIT_FAILED;
  }
}

process.exitCode = await main();
