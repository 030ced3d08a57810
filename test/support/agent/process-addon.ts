// The addon that starts programs, for tests of the sources: without it there are no sessions and no terminals.
import { compileProcess } from '../../../deploy/build/native-addons.ts';

/** What vitest calls before the first test; it takes no time when the addon is up to date. */
export async function setup(): Promise<void> {
  await compileProcess();
}
