// The state of the machine: how busy others keep it. A figure that was taken beside other work says little.
import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Long enough to see work that comes and goes, while nothing of the bench runs. */
const LOOK_MS = 2_000;
/** What ends with a part has ended by then. */
const SETTLE_MS = 500;

/** Of all processors: more than this, and the run is marked. */
const BUSY_SHARE = 0.1;
const STOLEN_SHARE = 0.02;

export interface MachineState {
  /** Of one, five and fifteen minutes. */
  readonly load: readonly number[];
  /** What others used of all processors while the bench did nothing, 0 to 1. */
  readonly busyShare: number;
}

/** What one part of the bench has seen. */
export interface Conditions {
  readonly before: MachineState;
  readonly after: MachineState;
  /** What the host took from this machine in the meantime, of all processors, 0 to 1. */
  readonly stolenShare: number;
}

/** Ticks of all processors since the start of the machine (proc(5), /proc/stat). */
interface Ticks {
  readonly all: number;
  readonly idle: number;
  readonly stolen: number;
}

/** Runs `work`, and looks at the machine before, meanwhile and after. */
export async function underConditions(work: () => Promise<void>): Promise<Conditions> {
  const before = await lookAtMachine();
  const began = await readTicks();
  await work();
  const ended = await readTicks();
  await sleep(SETTLE_MS);
  const after = await lookAtMachine();
  return { before, after, stolenShare: (ended.stolen - began.stolen) / (ended.all - began.all) };
}

/** True if the figures say as much about others as about what was measured. */
export function isBusy({ before, after, stolenShare }: Conditions): boolean {
  return before.busyShare > BUSY_SHARE || after.busyShare > BUSY_SHARE || stolenShare > STOLEN_SHARE;
}

/** One line for a person. */
export function lineFrom({ before, after, stolenShare }: Conditions): string {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const state = ({ load, busyShare }: MachineState): string =>
    `load ${load.map((each) => each.toFixed(2)).join(' ')}, ${percent(busyShare)} used by others`;
  return `before: ${state(before)}; after: ${state(after)}; stolen meanwhile: ${percent(stolenShare)}`;
}

async function lookAtMachine(): Promise<MachineState> {
  const before = await readTicks();
  await sleep(LOOK_MS);
  const after = await readTicks();
  return { load: loadavg(), busyShare: 1 - (after.idle - before.idle) / (after.all - before.all) };
}

async function readTicks(): Promise<Ticks> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  // user, nice, system, idle, iowait, irq, softirq, steal; the two for guests are in user and nice already.
  const fields = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const [, , , idle = 0, waiting = 0, , , stolen = 0] = fields;
  return { all: fields.reduce((sum, each) => sum + each, 0), idle: idle + waiting, stolen };
}
