// `npm run test:file -- test/e2e/exec.test.ts [-t WORDS]`: test files by name, of any project, over a build that is up to
// date where they run what was built.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ROOT } from '../../deploy/build/source-tree.ts';
import { runsWhatWasBuilt } from './built-programs.ts';
import { runTool } from './stages.ts';

const EXIT_USAGE = 2;

const args = process.argv.slice(2);
const files = args.filter((arg) => arg.endsWith('.test.ts'));
const faults = files.filter((file) => !existsSync(resolve(ROOT, file))).map((file) => `there is no ${file}`);
if (files.length === 0) faults.push('no file; for example: npm run test:file -- test/e2e/exec.test.ts');

if (faults.length > 0) {
  for (const fault of faults) console.error(`test:file: ${fault}`);
  process.exitCode = EXIT_USAGE;
} else {
  const isReady =
    !files.some((file) => runsWhatWasBuilt(resolve(ROOT, file))) ||
    (await runTool(['node', 'deploy/build/main.ts', '--brief']));
  if (!isReady || !(await runTool(['vitest', 'run', ...args]))) process.exitCode = 1;
}
