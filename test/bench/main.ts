// `npm run bench`: measures ours and the references in turns, prints a table and writes dist/bench.json.
//
//   npm run bench -- [--part relay,hop,sftp,keys,connect,memory,setup,resume,attacks,policy,start,page] [--rounds N] [--full]
import { parseArgs } from 'node:util';
import { ensureCommands } from '../support/machine/test-commands.ts';
import { measureAttacks } from './attacks.ts';
import { measureDistance } from './distance.ts';
import { Figures } from './figures.ts';
import { measureConnect } from './first-contact.ts';
import { measurePage } from './first-prompt.ts';
import { measureMemory } from './idle-agents.ts';
import { measureKeys } from './key-presses.ts';
import type { Part } from './part.ts';
import { measurePolicy } from './policy-cost.ts';
import { measureCores } from './cores.ts';
import { measureCrowd, measureHop, measureRelay } from './relay-cost.ts';
import { BENCH_FILE, tableFrom, writeReport } from './report.ts';
import { measureResume } from './resumption.ts';
import { measureSetUps } from './set-ups.ts';
import { measureStarts } from './starts.ts';
import { measureSftp } from './transfers.ts';

const DEFAULT_ROUNDS = 3;
const FULL_ROUNDS = 5;

const PARTS: Readonly<Record<string, Part>> = {
  relay: measureRelay,
  crowd: measureCrowd,
  cores: measureCores,
  hop: measureHop,
  setup: measureSetUps,
  memory: measureMemory,
  connect: measureConnect,
  keys: measureKeys,
  sftp: measureSftp,
  distance: measureDistance,
  resume: measureResume,
  attacks: measureAttacks,
  policy: measurePolicy,
  start: measureStarts,
  page: measurePage,
};

const { values } = parseArgs({
  options: { part: { type: 'string' }, rounds: { type: 'string' }, full: { type: 'boolean' } },
});
const isFull = values.full === true;
const rounds = Number(values.rounds ?? (isFull ? FULL_ROUNDS : DEFAULT_ROUNDS));
const names = values.part?.split(',') ?? Object.keys(PARTS);
const unknown = names.filter((name) => PARTS[name] === undefined);
if (unknown.length > 0 || !(rounds >= 1)) {
  const known = Object.keys(PARTS).join(', ');
  console.error(`bench: no part ${unknown.join(', ')} (there are ${known}), or --rounds is not 1 or more`);
  process.exit(2);
}

await ensureCommands(['nginx', 'redis-server', 'sftp', 'ssh', 'ssh-keygen', 'sshd']);
// An exit, also one that is asked for, takes along every process that was started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const figures = new Figures();
const failed: string[] = [];
for (const name of names) {
  console.error(`== ${name}`);
  const began = performance.now();
  try {
    const say = (line: string): void => console.error(`   ${line}`);
    await PARTS[name]?.({ figures, isFull, rounds, say });
  } catch (error) {
    failed.push(name);
    console.error(error);
  }
  console.error(`== ${name}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
}
console.log(`\n${tableFrom(figures)}`);
await writeReport(figures, isFull);
console.log(`\nevery figure: ${BENCH_FILE}${failed.length > 0 ? `; failed: ${failed.join(', ')}` : ''}`);
// Whatever a part left behind dies with this process.
process.exit(failed.length > 0 ? 1 : 0);
