// The test projects: each folder under test/ is one, by how much of the system it starts.
import { defineConfig } from 'vitest/config';

const seconds = 1_000;

function project(name: string, timeoutMs: number, parallel: boolean) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      fileParallelism: parallel,
      globalSetup: ['test/support/agent/process-addon.ts'],
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      project('unit', 20 * seconds, true),
      project('contract', 30 * seconds, true),
      project('integration', 60 * seconds, true),
      // Each file plays a stranger who wants something; what it must not get is what the file asserts.
      project('attack', 120 * seconds, true),
      project('mesh', 120 * seconds, true),
      project('e2e', 300 * seconds, true),
      // Not among the stages of `npm test`: one builds an image, for minutes, the other needs a cluster.
      project('image', 1_200 * seconds, false),
      project('cluster', 1_200 * seconds, false),
    ],
  },
});
