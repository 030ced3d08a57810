// Which test files need a build before they run.
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { runsWhatWasBuilt } from '../../check/built-programs.ts';

const testsOf = (project: string) => globSync(`test/${project}/**/*.test.ts`, { cwd: ROOT });
const needsBuild = (file: string) => runsWhatWasBuilt(join(ROOT, file));

test('end-to-end tests run what was built', () => {
  const files = testsOf('e2e');
  expect(files.length).toBeGreaterThan(20);
  // Pages in a browser, which a test serves on its own.
  expect(files.filter((file) => !needsBuild(file))).toEqual([
    'test/e2e/operator-page.test.ts',
    'test/e2e/usage-page.test.ts',
  ]);
});

test('tests of relays and agents from their sources need no build', () => {
  for (const file of [
    ...testsOf('mesh'),
    'test/integration/relay/limits.test.ts',
    'test/unit/relay/session/router.test.ts',
  ])
    expect(needsBuild(file), file).toBe(false);
});
