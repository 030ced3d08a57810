// What the first process of a container sees: orphans come, and none of its own children is taken away. Says what it saw.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessEnd } from '../../../services/agent/platform/process-end.ts';
import { startOrphanReaper } from '../../../services/agent/process/orphan-reaper.ts';
import { startPipedProcess } from '../../../services/agent/process/piped-process.ts';
import { systemClock } from '../../../services/shared/time/clock.ts';
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

if (process.argv.includes('--reap')) startOrphanReaper(systemClock);
const env = new Map([['PATH', '/usr/bin:/bin']]);
const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
startPipedProcess({ file: '/bin/sh', argv: ['sh', '-c', SCRIPT], env, cwd: '/' }, resolve);
const node = spawn('/bin/sh', ['-c', 'exit 5']);
const [ours, [nodes]] = await Promise.all([promise, once(node, 'exit') as Promise<[number]>]);
await until('the orphans have died', () => countDead() === ORPHANS);
const isClean = await until('they are buried', () => countDead() === 0).catch(() => false);
console.log(JSON.stringify({ pid: process.pid, ours, nodes, isClean }));
process.exit(0);
