// `npm run test:clients`: every client's deeds against the agent, with Debian's sshd as the judge.
//
//   npm run test:clients -- [--client "NAME;…"] [--deed "NAME;…"] [--lanes N] [--write]
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { formatTally } from '../support/report/tally.ts';
import type { Result } from './cell.ts';
import { CLIENTS } from './clients.ts';
import { DEEDS } from './deeds.ts';
import { DOCS, isUpToDate, writeDocs } from './docs.ts';
import { cellsOf, Matrix } from './matrix.ts';
import { ensurePackages } from './packages.ts';

/** Clients wait more than they work. */
const LANES_PER_CORE = 1.5;

const { values } = parseArgs({
  options: {
    client: { type: 'string' },
    deed: { type: 'string' },
    lanes: { type: 'string' },
    write: { type: 'boolean' },
  },
});
// An exit, also one that is asked for, takes along every process and every mount.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

const clients = chosen(CLIENTS, values.client);
const deeds = chosen(DEEDS, values.deed);
const cells = cellsOf(clients, deeds);
const lanes = Number(values.lanes ?? Math.ceil(availableParallelism() * LANES_PER_CORE));
let failed = 0;
let passed = 0;
try {
  await ensurePackages(clients);
  await using matrix = new Matrix();
  await matrix.open(clients, lanes);
  const results = await matrix.run(cells, tell);
  failed = results.filter(isRed).length;
  passed = results.length - failed;
  const isWhole = values.client === undefined && values.deed === undefined;
  if (values.write === true && isWhole) await writeDocs(results);
  else if (isWhole && !(await isUpToDate())) {
    console.log(`${DOCS} is out of date: npm run test:clients -- --write`);
    failed += 1;
  }
} catch (error) {
  console.error(`test:clients: ${(error as Error).message}`);
  failed += 1;
}
process.exitCode = failed > 0 ? 1 : 0;
console.log(`\n${formatTally({ passed, failed, skipped: 0 })}`);

/** Those whose names were given; all of them without. */
function chosen<Named extends { readonly name: string }>(
  all: readonly Named[],
  names?: string,
): readonly Named[] {
  if (names === undefined) return all;
  const wanted = names.split(';');
  return all.filter(({ name }) => wanted.includes(name));
}

function isRed({ verdict }: Result): boolean {
  return verdict.kind !== 'same' && verdict.kind !== 'explained';
}

function tell(result: Result): void {
  const { cell, verdict, seconds } = result;
  const name = `${cell.client.name}: ${cell.deed.name}`;
  console.log(`${isRed(result) ? 'RED' : 'ok '} ${name} (${verdict.kind}, ${seconds.toFixed(1)} s)`);
  if ('lines' in verdict) for (const line of verdict.lines) console.log(`      ${line}`);
}
