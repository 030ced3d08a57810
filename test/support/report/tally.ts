// The tally: how many tests passed and failed, as vitest counted them and as the last line of a run says it.
import { readFile } from 'node:fs/promises';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const NOTHING: Tally = { passed: 0, failed: 0, skipped: 0 };

/** What vitest's JSON reporter left at `path`; nothing for a run that was never reached or found no test. */
export async function readTally(path: string): Promise<Tally> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return NOTHING;
  const counts = JSON.parse(text) as Record<string, number>;
  return {
    passed: counts['numPassedTests'] ?? 0,
    failed: counts['numFailedTests'] ?? 0,
    skipped: (counts['numPendingTests'] ?? 0) + (counts['numTodoTests'] ?? 0),
  };
}

export function sumTallies(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (sum, { passed, failed, skipped }) => ({
      passed: sum.passed + passed,
      failed: sum.failed + failed,
      skipped: sum.skipped + skipped,
    }),
    NOTHING,
  );
}

/** The closing line, alone on its line: .ci/run adds up those of its commands. */
export function formatTally({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
