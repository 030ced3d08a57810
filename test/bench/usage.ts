// What the operating system says of a process: CPU seconds and resident memory.
import { readdir, readFile } from 'node:fs/promises';

/** USER_HZ: 100 on every Linux that Node runs on (proc(5)). */
const TICKS_PER_SECOND = 100;

/**
 * User and system time of all threads that `pids` have, in seconds. The scheduler counts nanoseconds; a thread that runs at
 * the moment is behind by at most a tick of 10 ms, one that waits is not.
 */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const nanoseconds = await Promise.all(pids.map(nanosecondsOf));
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e9;
}

/** The same of all processes below `pids` as well, and of those that have ended there. */
export async function treeCpuSeconds(pids: readonly number[]): Promise<number> {
  const all = [...pids, ...(await Promise.all(pids.map(descendantsOf))).flat()];
  const each = await Promise.all(
    all.map(async (pid) => {
      // One that has ended meanwhile is with its parent's ended children.
      const [own, fields] = await Promise.all([cpuSeconds([pid]), statOf(pid)]).catch(() => [0, []] as const);
      return own + (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) / TICKS_PER_SECOND;
    }),
  );
  return each.reduce((sum, seconds) => sum + seconds, 0);
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

/** What is below `pid` and calls itself `title`. The packed programs have no path of their own. @throws Error if nothing does */
export async function findBelow(pid: number, title: string): Promise<number> {
  const pids = await descendantsOf(pid);
  const titles = await Promise.all(pids.map((each) => readFile(`/proc/${each}/comm`, 'utf8')));
  const found = pids[titles.findIndex((each) => each.startsWith(title))];
  // Not 0, below which is every process of the machine.
  if (found === undefined) throw new Error(`nothing below process ${pid} is called ${title}`);
  return found;
}

/** The fields of proc(5) from the third on: the second, a name in brackets, may hold spaces. */
async function statOf(pid: number): Promise<string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function parentFrom(fields: readonly string[]): number {
  return Number(fields[1]);
}

async function nanosecondsOf(pid: number): Promise<number> {
  return [...(await threadNanoseconds(pid)).values()].reduce((sum, each) => sum + each, 0);
}

/**
 * The time that each thread of `pid` had on a processor, by the thread's id, in nanoseconds (sched-stats.rst in the kernel's
 * documentation). One that ends meanwhile is missing.
 */
export async function threadNanoseconds(pid: number): Promise<ReadonlyMap<string, number>> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = threads.map(async (thread) => {
    const stat = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => undefined);
    return stat === undefined ? [] : [[thread, Number(stat.split(' ')[0])] as const];
  });
  return new Map((await Promise.all(times)).flat());
}
