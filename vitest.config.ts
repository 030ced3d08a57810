// The test projects: each folder under test/ is one, by how much of the system it starts.
import { defineConfig } from 'vitest/config';

const seconds = 1_000;

/** Options of vitest that one project has and others have not. */
type ProjectOptions = Readonly<{ isolate?: boolean }>;

function project(name: string, timeoutMs: number, parallel: boolean, options: ProjectOptions = {}) {
  return {
    test: {
      ...options,
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      // As long as `until` waits (test/support/time/poll.ts); by itself it is a second.
      expect: { poll: { timeout: 20 * seconds } },
      fileParallelism: parallel,
      globalSetup: ['test/support/agent/process-addon.ts'],
    },
  };
}

export default defineConfig({
  test: {
    // vitest leaves one core free by itself, which on two of them is half of the time.
    maxWorkers: '100%',
    projects: [
      // Modules are read once for all files and not once for each, a third of the time: units start nothing, and each
      // file takes back what it stubs.
      // Longer than `until`, as for all: what was waited for is told before the test is over.
      project('unit', 30 * seconds, true, { isolate: false }),
      project('contract', 30 * seconds, true),
      project('integration', 60 * seconds, true),
      // Each file plays a stranger who wants something; what it must not get is what the file asserts.
      project('attack', 120 * seconds, true),
      project('mesh', 120 * seconds, true),
      project('e2e', 300 * seconds, true),
      // Not among the stages of `npm test`: one reads programs of a gigabyte and wants Wine, one moves hundreds of
      // megabytes through a browser, one builds an image, for minutes, one needs a cluster.
      project('laptops', 600 * seconds, true),
      project('browser', 600 * seconds, false),
      project('image', 1_200 * seconds, false),
      project('cluster', 1_200 * seconds, false),
    ],
  },
});
