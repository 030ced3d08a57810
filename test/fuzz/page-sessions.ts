// `npm run test:page`: ten thousand random sessions of a page's SSH client, over transports that are lost.
//
//   npm run test:page [-- --sessions N] [--seed S]
//
// A failure prints the seed of its session; `--sessions 1 --seed S` plays that again.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { playRandomSession } from '../support/page-client/random-session.ts';

const USUAL_SESSIONS = '10000';
const AT_A_TIME = 16;
/** Between the seeds of two sessions: each takes some of those behind its own. */
const SEED_STEP = 100;
/** Longer than any session: one that hangs is a failure. */
const WITHIN_MS = 60_000;

const { values } = parseArgs({ options: { sessions: { type: 'string' }, seed: { type: 'string' } } });
const first = Number(values.seed ?? randomInt(2 ** 30));
const sessions = Number(values.sessions ?? USUAL_SESSIONS);
console.log(`page: ${sessions} sessions from seed ${first}`);

const seen = { transports: 0, exchanges: 0, bytes: 0 };
const failed: string[] = [];
let next = 0;

async function play(): Promise<void> {
  while (next < sessions && failed.length === 0) {
    const number = next++;
    const seed = first + number * SEED_STEP;
    const { promise: hung, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error('it hangs')), WITHIN_MS);
    try {
      const played = await Promise.race([playRandomSession(seed), hung]);
      seen.transports += played.transports;
      seen.exchanges += played.exchanges;
      seen.bytes += played.bytes;
    } catch (fault) {
      failed.push(`seed ${seed}: ${fault instanceof Error ? fault.message : String(fault)}`);
    }
    clearTimeout(timer);
    if (number % 1_000 === 999) console.log(`page: ${number + 1} sessions`);
  }
}

await Promise.all(Array.from({ length: AT_A_TIME }, play));
for (const line of failed) console.log(`page: FAILED ${line}`);
const { transports, exchanges, bytes } = seen;
console.log(
  `page: ${next} sessions, ${transports} transports, ${exchanges} key exchanges, ${bytes} bytes compared`,
);
process.exit(failed.length === 0 ? 0 : 1);
