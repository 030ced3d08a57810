// Waiting for a claim: looks at each message that announces one, and now and then without any.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { Bell } from '../../../shared/time/bell.ts';
import type { RegistryEntry } from '../registry.ts';
import { callFaultFrom, type RedisCallFault } from './redis-failure.ts';

/** Messages can be lost (a fail-over, a new connection), so a wait looks again this often, in milliseconds. */
const LOOK_AGAIN_MS = 2_000;

export interface EntryWait {
  readonly clock: Clock;
  readonly lookup: () => Promise<RegistryEntry | undefined>;
  /** Calls `wake` when it is worth looking again. The result ends that. */
  readonly watch: (wake: () => void) => Cancel;
  readonly ms: number;
  /** Only an entry with a higher epoch counts. */
  readonly afterEpoch: number;
  readonly signal: AbortSignal;
}

/** Rejects with a RedisCallFault if the first look fails, or the last one before the end. */
export async function waitForEntry(wait: EntryWait): Promise<RegistryEntry | undefined> {
  const { afterEpoch, clock, lookup, ms, signal } = wait;
  const until = clock.now() + ms;
  const first = await lookup();
  if (isNew(first)) return first;
  if (ms <= 0) return undefined;
  const bell = new Bell();
  const ring = (): void => {
    bell.ring();
  };
  signal.addEventListener('abort', ring, { once: true });
  const unwatch = wait.watch(ring);
  try {
    let failure: RedisCallFault | undefined;
    for (let left = until - clock.now(); left > 0 && !signal.aborted; left = until - clock.now()) {
      await bell.rung(clock, Math.min(left, LOOK_AGAIN_MS));
      if (signal.aborted) return undefined;
      try {
        const entry = await lookup();
        failure = undefined;
        if (isNew(entry)) return entry;
      } catch (error) {
        failure = callFaultFrom(error);
      }
    }
    if (failure !== undefined && !signal.aborted) throw failure;
    return undefined;
  } finally {
    unwatch();
    signal.removeEventListener('abort', ring);
  }

  function isNew(entry: RegistryEntry | undefined): boolean {
    return entry !== undefined && entry.epoch > afterEpoch;
  }
}
