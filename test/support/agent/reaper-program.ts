// What the first process of a container sees: orphans come, and none of its own children is taken away. Says what it saw.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessEnd } from '../../../services/agent/platform/process-end.ts';
import { ORPHAN_AFTER_MS, startOrphanReaper } from '../../../services/agent/process/orphan-reaper.ts';
import { startPipedProcess } from '../../../services/agent/process/piped-process.ts';
import { ManualClock } from '../time/manual-clock.ts';
import { until } from '../time/poll.ts';

const ORPHANS = 20;
/** A shell that leaves children behind, which end after it. */
const SCRIPT = `for i in $(seq ${ORPHANS}); do sleep 0.2 & done; exit 7`;

function countDead(): number {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && /^State:\tZ/m.test(readFileSync(`/proc/${name}/status`, 'latin1'));
    } catch {
      return false;
    }
  }).length;
}

// It stands still until all have died: none is buried before the last one is dead.
const clock = new ManualClock();
if (process.argv.includes('--reap')) startOrphanReaper(clock);
const env = new Map([['PATH', '/usr/bin:/bin']]);
const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
startPipedProcess({ file: '/bin/sh', argv: ['sh', '-c', SCRIPT], env, cwd: '/' }, resolve);
const node = spawn('/bin/sh', ['-c', 'exit 5']);
const [ours, [nodes]] = await Promise.all([promise, once(node, 'exit') as Promise<[number]>]);
await until('the orphans have died', () => countDead() === ORPHANS);
// It sees them dead, and buries them when it looks again.
for (let look = 0; look < 2; look += 1) clock.advance(ORPHAN_AFTER_MS);
const isClean = countDead() === 0;
console.log(JSON.stringify({ pid: process.pid, ours, nodes, isClean }));
process.exit(0);
