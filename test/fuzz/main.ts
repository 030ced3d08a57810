// `npm run test:fuzz`: a million mutated requests, frames, control messages and SSH packets over a relay and an agent.
//
//   npm run test:fuzz [-- --cases N] [--seed S] [--kind NAME,…] [--only NUMBER]
//
// A failure prints the seed and the bytes of the cases that were being played; --only plays one of them again.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { compileProcess } from '../../deploy/build/native-addons.ts';
import { ensureCommands } from '../support/machine/test-commands.ts';
import { KINDS } from './kinds.ts';
import { MILLION, run } from './run.ts';

const MAX_SEED = 2 ** 31;

const { values } = parseArgs({
  options: {
    cases: { type: 'string' },
    seed: { type: 'string' },
    kind: { type: 'string' },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed ?? randomInt(MAX_SEED));
const cases = Number(values.cases ?? MILLION);
const only = values.only === undefined ? undefined : Number(values.only);
const names = values.kind?.split(',') ?? KINDS.map(({ name }) => name);
const unknown = names.filter((name) => !KINDS.some((kind) => kind.name === name));
if (
  unknown.length > 0 ||
  !Number.isSafeInteger(seed) ||
  !(cases >= 1) ||
  !(only === undefined || only >= 0)
) {
  const known = KINDS.map(({ name }) => name).join(', ');
  console.error(`test:fuzz: no kind ${unknown.join(', ')} (there are ${known}), or a number that is none`);
  process.exit(2);
}

await ensureCommands(['ssh', 'ssh-keygen']);
await compileProcess();
console.log(`fuzz: seed ${seed}, ${cases} cases`);
const outcome = await run({
  seed,
  cases,
  kinds: KINDS.filter(({ name }) => names.includes(name)),
  only,
  say: (line) => {
    console.log(`fuzz: ${line}`);
  },
});
switch (outcome.kind) {
  case 'held':
    console.log(
      `fuzz: seed ${seed}: ${outcome.played} cases, no fall, no growth; the good session: ${outcome.session}`,
    );
    break;
  case 'failed':
    console.log(`fuzz: seed ${seed} FAILED`);
    for (const fault of outcome.faults) console.log(`fuzz: ${fault}`);
    for (const suspect of outcome.suspects) console.log(suspect);
}
// What a mutated message has left waiting ends with this process.
process.exit(outcome.kind === 'held' ? 0 : 1);
