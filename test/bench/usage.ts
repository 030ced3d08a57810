// What the operating system says of a process: CPU seconds and resident memory.
import { readdir, readFile } from 'node:fs/promises';

/** USER_HZ: 100 on every Linux that Node runs on (proc(5)). */
const TICKS_PER_SECOND = 100;

/** User and system time of all threads, in seconds; the resolution is 10 ms. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const ticks = await Promise.all(pids.map(ticksOf));
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
}

/** The same of all children of this process that have ended, and theirs. */
export async function endedChildrenSeconds(): Promise<number> {
  const fields = await statOf(process.pid);
  // cutime and cstime
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/** Resident memory, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const [, kib = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

/** The processes that `pid` started, and theirs, and so on. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  // One that has ended meanwhile has no parent any more.
  const parents = await Promise.all(all.map((each) => statOf(each).then(parentFrom, () => undefined)));
  const children = all.filter((_, index) => parents[index] === pid);
  return [...children, ...(await Promise.all(children.map(descendantsOf))).flat()];
}

/** The path of what `pid` runs. */
export async function programOf(pid: number): Promise<string> {
  const [program = ''] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
  return program;
}

/** The fields of proc(5) from the third on: the second, a name in brackets, may hold spaces. */
async function statOf(pid: number): Promise<string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function parentFrom(fields: readonly string[]): number {
  return Number(fields[1]);
}

async function ticksOf(pid: number): Promise<number> {
  const fields = await statOf(pid);
  // utime and stime
  return Number(fields[11]) + Number(fields[12]);
}
