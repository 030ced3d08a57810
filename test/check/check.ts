// `npm test`: every check of the project in order, from the quickest to the slowest; the first that fails ends it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages } from '../clients/packages.ts';
import { QUICK_CLIENTS } from '../clients/quick.ts';
import { ensureChromium } from '../support/machine/browser.ts';
import { ensureCommands, TEST_COMMANDS } from '../support/machine/test-commands.ts';
import { formatTally, readTally, sumTallies } from '../support/report/tally.ts';
import { BUILD, runStage, STATIC_STAGES, type Stage } from './stages.ts';

interface TestGroup {
  readonly projects: readonly string[];
  readonly options: readonly string[];
}

interface TestStage extends Stage {
  /** Where vitest leaves its figures. */
  readonly results: string;
}

/** For `npm run test:image`, `test:laptops` and `bench` alone; and the browsers, one of which may have another name. */
const NOT_NEEDED: ReadonlySet<string> = new Set([
  'docker',
  'dockerd',
  'nginx',
  'chromium',
  'firefox-esr',
  'wine',
  'wineserver',
  'qemu-aarch64-static',
  'qemu-x86_64-static',
]);

/** Of projects that wait more than they work: three files at a time fit on two cores. */
const WAITING_WORKERS = '--maxWorkers=3';

/** Projects that run together, and how. */
const GROUPS = [
  { projects: ['unit', 'contract'], options: [] },
  { projects: ['integration', 'attack', 'mesh'], options: [WAITING_WORKERS] },
  { projects: ['e2e'], options: [WAITING_WORKERS] },
] as const satisfies readonly TestGroup[];

// Before anything, so that no test works only after another one has installed its tools.
try {
  await ensureCommands(TEST_COMMANDS.filter((command) => !NOT_NEEDED.has(command)));
  await ensurePackages(QUICK_CLIENTS);
  await ensureChromium();
} catch (error) {
  console.error(`npm test: ${(error as Error).message}`);
  process.exit(1);
}
const folder = await mkdtemp(join(tmpdir(), 'converge-check-'));
const testStages = GROUPS.map((group) => testStageFor(group, join(folder, `${group.projects[0]}.json`)));
const failure = await findFailure([...STATIC_STAGES, BUILD, ...testStages]);
const tallies = await Promise.all(testStages.map(({ results }) => readTally(results)));
await rm(folder, { recursive: true });

if (failure !== undefined) {
  console.log(`\nstopped at: ${failure}`);
  process.exitCode = 1;
}
console.log(`\n${formatTally(sumTallies(tallies))}`);

function testStageFor({ projects, options }: TestGroup, results: string): TestStage {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  const chosen = projects.flatMap((project) => ['--project', project]);
  return {
    name: `${projects.join(', ')} tests`,
    command: ['vitest', 'run', ...chosen, ...reporters, ...options],
    results,
  };
}

/** Runs the stages; the name of the first that fails, or undefined. */
async function findFailure(stages: readonly Stage[]): Promise<string | undefined> {
  for (const stage of stages) if (!(await runStage(stage))) return stage.name;
  return undefined;
}
