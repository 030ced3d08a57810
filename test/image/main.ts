// `npm run test:image`: builds the image and runs it, in a container engine that answers or one started for it. Says so
// when none can be had.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ROOT } from '../../deploy/build/source-tree.ts';
import { ensureBaseImages } from '../support/machine/base-images.ts';
import { type ContainerEngine, openContainerEngine } from '../support/machine/container-engine.ts';
import { formatTally, readTally, type Tally } from '../support/report/tally.ts';

const EXIT_FAILED = 1;
/** Neither passed nor failed. `.ci/run` goes on for this one alone. */
const EXIT_DID_NOT_RUN = 2;

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(name, () => interruption.abort(new Error(`interrupted by ${name}`)));

const found = await openContainerEngine();
if (found.kind === 'none') {
  console.log(`\nTHE IMAGE WAS NOT TESTED: no container engine can be had here: ${found.reason}`);
  process.exitCode = EXIT_DID_NOT_RUN;
} else {
  await using engine = found.engine;
  try {
    interruption.signal.throwIfAborted();
    for (const line of await ensureBaseImages(engine, interruption.signal)) console.log(line);
    const tally = await runTests(engine);
    if (tally.failed > 0 || tally.passed === 0) process.exitCode = EXIT_FAILED;
    console.log(`\n${formatTally(tally)}`);
  } catch (error) {
    console.error(`test:image: ${(error as Error).message}`);
    process.exitCode = EXIT_FAILED;
    console.log('\n0 passed, 1 failed');
  }
}

async function runTests({ environment }: ContainerEngine): Promise<Tally> {
  const folder = await mkdtemp(join(tmpdir(), 'converge-image-'));
  try {
    const results = join(folder, 'results.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
    const path = [join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
    // What comes after a failed build says nothing.
    const child = spawn('vitest', ['run', '--project', 'image', '--bail=1', ...reporters], {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...environment, PATH: path },
    });
    interruption.signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
    const [code] = (await once(child, 'close')) as [number | null];
    interruption.signal.throwIfAborted();
    const tally = await readTally(results);
    // A fault beside the tests, such as an unhandled rejection, is in vitest's exit code alone.
    return code === 0 || tally.failed > 0 ? tally : { ...tally, failed: 1 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
