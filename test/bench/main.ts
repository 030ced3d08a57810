// `npm run bench`: measures ours and the references in turns, prints a table and writes dist/bench.json.
//
//   npm run bench -- [--part NAME,NAME] [--rounds N] [--quick]
//
// Every part takes turns between ours and what it is held against. `--quick` takes small sizes and one round: it shows that all of it works,
// and its figures mean little.
import { parseArgs } from 'node:util';
import { ensureCommands } from '../support/machine/test-commands.ts';
import { measureAttacks } from './attacks.ts';
import { measureCold } from './cold.ts';
import { measureCores } from './cores.ts';
import { measureDistance } from './distance.ts';
import { measureFairness } from './fairness.ts';
import { Figures } from './figures.ts';
import { measureConnect } from './first-contact.ts';
import { measurePage } from './first-prompt.ts';
import { measureGrowth } from './growth.ts';
import { measureMemory } from './idle-agents.ts';
import { measureKeys } from './key-presses.ts';
import { lineFrom, underConditions } from './machine-state.ts';
import { measurePaces } from './paces.ts';
import type { Part } from './part.ts';
import { measurePolicy } from './policy-cost.ts';
import { measureCrowd, measureHop, measureRelay } from './relay-cost.ts';
import { BENCH_FILE, type Course, tableFrom, writeReport } from './report.ts';
import { measureResume } from './resumption.ts';
import { measureSessions } from './session-memory.ts';
import { measureSetUps } from './set-ups.ts';
import { measureStreams } from './ssh-streams.ts';
import { measureStarts } from './starts.ts';
import { measureSftp } from './transfers.ts';

const ROUNDS = 5;
const QUICK_ROUNDS = 1;

const PARTS: Readonly<Record<string, Part>> = {
  relay: measureRelay,
  crowd: measureCrowd,
  cores: measureCores,
  sessions: measureSessions,
  hop: measureHop,
  setup: measureSetUps,
  memory: measureMemory,
  connect: measureConnect,
  keys: measureKeys,
  paces: measurePaces,
  ssh: measureStreams,
  sftp: measureSftp,
  distance: measureDistance,
  cold: measureCold,
  growth: measureGrowth,
  fairness: measureFairness,
  resume: measureResume,
  attacks: measureAttacks,
  policy: measurePolicy,
  start: measureStarts,
  page: measurePage,
};

const { values } = parseArgs({
  options: { part: { type: 'string' }, rounds: { type: 'string' }, quick: { type: 'boolean' } },
});
const isFull = values.quick !== true;
const rounds = Number(values.rounds ?? (isFull ? ROUNDS : QUICK_ROUNDS));
const names = values.part?.split(',') ?? Object.keys(PARTS);
const unknown = names.filter((name) => PARTS[name] === undefined);
if (unknown.length > 0 || !(rounds >= 1)) {
  const known = Object.keys(PARTS).join(', ');
  console.error(`bench: no part ${unknown.join(', ')} (there are ${known}), or --rounds is not 1 or more`);
  process.exit(2);
}

await ensureCommands(['curl', 'haproxy', 'ip', 'nginx', 'redis-server', 'sftp', 'ssh', 'ssh-keygen', 'sshd']);
// An exit, also one that is asked for, takes along every process that was started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const figures = new Figures();
const courses = new Map<string, Course>();
for (const name of names) {
  console.error(`== ${name}`);
  const began = performance.now();
  const say = (line: string): void => console.error(`   ${line}`);
  figures.part = name;
  let hasFailed = false;
  const seen = await underConditions(async () => {
    try {
      await PARTS[name]?.({ figures, isFull, rounds, say });
    } catch (error) {
      hasFailed = true;
      console.error(error);
    }
  });
  courses.set(name, { ...seen, hasFailed });
  say(lineFrom(seen));
  console.error(`== ${name}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
}
console.log(`\n${tableFrom(figures, courses)}`);
await writeReport(figures, courses, isFull);
if (!isFull)
  console.log('\nsmall sizes and few rounds: these figures, and the verdicts on them, mean little');
const failed = [...courses].filter(([, { hasFailed }]) => hasFailed).map(([name]) => name);
console.log(`\nevery figure: ${BENCH_FILE}${failed.length > 0 ? `; failed: ${failed.join(', ')}` : ''}`);
// Whatever a part left behind dies with this process.
process.exit(failed.length > 0 ? 1 : 0);
