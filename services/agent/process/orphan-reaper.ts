// The orphan reaper: as the first process of a container the agent inherits every orphan in it, and must reap them.
import { readdirSync, readFileSync } from 'node:fs';
import { NativeAddonError } from '#shared/machine/native-addon.ts';
import type { Clock } from '#shared/time/clock.ts';
import { isRunningChild } from './children.ts';
import { processAddon } from './process-addon.ts';

/**
 * A dead child that nobody has waited for after this time, in milliseconds, is an orphan: those that were started here are
 * waited for at once. It also bounds how often /proc is read.
 */
export const ORPHAN_AFTER_MS = 1_000;

/** A process that has ended and was not waited for, by proc(5) `stat`. */
interface Zombie {
  readonly pid: number;
  readonly parent: number;
}

type State =
  | { readonly kind: 'idle' }
  /** A look is due; `seen` were dead at the last one. */
  | { readonly kind: 'watching'; readonly seen: ReadonlySet<number> };

/** Reaps orphans from now on, and for as long as the process lives. Only for the first process of a container. */
export function startOrphanReaper(clock: Clock): void {
  let state: State = { kind: 'idle' };

  function watch(seen: ReadonlySet<number>): void {
    state = { kind: 'watching', seen };
    clock.after(ORPHAN_AFTER_MS, look);
  }

  function look(): void {
    const seen = state.kind === 'watching' ? state.seen : new Set<number>();
    state = { kind: 'idle' };
    try {
      const fresh = bury(seen);
      if (fresh.size > 0) watch(fresh);
    } catch (error) {
      // No reason to end the session of somebody. An addon that cannot be loaded is tried again at the next death, not every
      // second; other faults pass, such as no descriptor being left to read /proc with.
      if (!(error instanceof NativeAddonError)) watch(seen);
    }
  }

  process.on('SIGCHLD', () => {
    if (state.kind === 'idle') watch(new Set());
  });
  // Children that died before the listener was there.
  watch(new Set());
}

/** Buries the orphans among `seen`, and returns who has died since. */
function bury(seen: ReadonlySet<number>): Set<number> {
  const fresh = new Set<number>();
  for (const pid of deadChildren()) {
    if (isRunningChild(pid)) continue;
    if (seen.has(pid)) processAddon().collect(pid);
    else fresh.add(pid);
  }
  return fresh;
}

function deadChildren(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(zombieFrom)
    .filter((zombie) => zombie !== undefined)
    .filter(({ parent }) => parent === process.pid)
    .map(({ pid }) => pid);
}

function zombieFrom(name: string): Zombie | undefined {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
    // The name of the program stands in brackets and may hold any character.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? { pid: Number(name), parent: Number(parent) } : undefined;
  } catch {
    // It is gone.
    return undefined;
  }
}
