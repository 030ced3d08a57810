// The addons for tests of the sources: without the one that starts programs there are no sessions and no terminals, without the
// pump the relay moves bytes in JavaScript alone.
import { compileProcess, compilePump } from '../../../deploy/build/native-addons.ts';

/** What vitest calls before the first test; it takes no time when the addon is up to date. */
export async function setup(): Promise<void> {
  await Promise.all([compileProcess(), compilePump()]);
}
