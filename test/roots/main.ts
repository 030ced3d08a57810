// `npm run test:roots`: our programs for Linux in images of all kinds, as a table in Markdown, root × check.
//
//   npm run test:roots -- [--row "NAME;…"]
import { parseArgs } from 'node:util';
import { PLATFORM } from '../../deploy/build/source-tree.ts';
import { openRootLaptop, type RootLaptop, startRootJob } from '../support/laptop/root-job.ts';
import { type RelayProcess, startRelayProcess } from '../support/process/relay-process.ts';
import { formatTally } from '../support/report/tally.ts';
import { CHECKS, DEEDS, JOB_VARIABLES } from './checks.ts';
import { ROWS, type Row } from './rows.ts';

const { values } = parseArgs({ options: { row: { type: 'string' } } });
// An exit, also one that is asked for, takes along every process and every mount.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

/** What each check came to: a word for the table, and what was wrong. */
interface Cell {
  readonly word: 'ok' | 'says so' | 'FAILED' | 'not run';
  readonly detail?: string;
}

const wanted = values.row?.split(';');
const rows = wanted === undefined ? ROWS : ROWS.filter(({ name }) => wanted.includes(name));
const lines: string[] = [];
const details: string[] = [];
const tally = { passed: 0, failed: 0, skipped: 0 };
{
  await using laptop = await openRootLaptop();
  await using relay = await startRelayProcess();
  for (const row of rows) {
    const cells = await runRow(row, laptop, relay);
    for (const [at, { word, detail }] of cells.entries()) {
      if (word === 'FAILED') tally.failed += 1;
      else if (word === 'not run') tally.skipped += 1;
      else tally.passed += 1;
      const where = word === 'FAILED' ? `${row.name}, ${CHECKS[at]}` : row.name;
      if (detail !== undefined) details.push(`${where}: ${detail}`);
    }
    console.error(`${row.name}: ${cells.map(({ word }) => word).join(', ')}`);
    lines.push(`| ${[row.name, ...cells.map(({ word }) => word)].join(' | ')} |`);
  }
}
console.log(
  `\n| root | ${CHECKS.join(' | ')} |\n|${' --- |'.repeat(CHECKS.length + 1)}\n${lines.join('\n')}\n`,
);
for (const line of new Set(details)) console.log(line);
console.log(`\n${formatTally(tally)}`);
process.exit(tally.failed > 0 || tally.passed === 0 ? 1 : 0);

async function runRow(row: Row, laptop: RootLaptop, relay: RelayProcess): Promise<readonly Cell[]> {
  const all = (cell: Cell): readonly Cell[] => CHECKS.map(() => cell);
  const options = await row.options().catch((error: unknown) => String(error));
  if (typeof options === 'string') return all({ word: 'not run', detail: options });
  const started = await startRootJob({
    ...options,
    env: { ...options.env, ...JOB_VARIABLES },
    laptop,
    relay: relay.url,
    id: `root-${ROWS.indexOf(row)}`,
    beside: ['wsproxy', 'tcptows'],
  });
  if (started.kind === 'ended') {
    const { code, said } = started;
    if (row.sentence?.test(said) === true && code !== 0) return all({ word: 'says so', detail: said.trim() });
    return all({ word: 'FAILED', detail: `ended with ${code}: ${said}` });
  }
  await using job = started.job;
  if (row.sentence !== undefined) return all({ word: 'FAILED', detail: 'it started' });
  const deeds = DEEDS(options.platform?.name ?? PLATFORM);
  const cells: Cell[] = [];
  for (const check of CHECKS) {
    try {
      await deeds[check](job, row);
      cells.push({ word: check === '`converge`' && row.hasNoCommand === true ? 'says so' : 'ok' });
    } catch (error) {
      cells.push({ word: 'FAILED', detail: `${(error as Error).message}\n${job.said()}` });
    }
  }
  return cells;
}
