// A summary of what repeats: the first few of a kind are reported one by one, the rest as a number when their interval ends.
import type { Cancel, Clock } from './clock.ts';

/** How long the rest of a kind is gathered before it is reported, in milliseconds. */
export const SUMMARY_EVERY_MS = 10_000;

/** At most this many sources are counted separately for each kind in an interval, by default; the rest count as one, unnamed. */
export const MAX_SUMMARY_SOURCES = 256;

/** At most this many kinds are counted separately in an interval; the rest count as one. */
export const MAX_SUMMARY_KINDS = 64;

/** What was not reported individually in an interval. */
export interface Rest {
  readonly kind: string;
  readonly count: number;
  /** The busiest sources first, at most `SOURCES_IN_A_REST`, each with its part of `count`. */
  readonly sources: readonly (readonly [source: string, count: number])[];
}

/** At most this many sources are named when there are others. */
export const MAX_NAMED_SOURCES = 5;

export interface SummaryOptions {
  readonly clock: Clock;
  /** Of one kind, at most this many are reported individually in an interval; of a kind that is not in the table, none. */
  readonly firstOfKind: number | Readonly<Record<string, number>>;
  /** Of these, at most this many from one source, so that one does not hide the others; all of them by default. */
  readonly firstOfSource?: number;
  readonly maxSources?: number;
  /** The rests of an interval, at its end; not called where there are none. */
  readonly onRests: (rests: readonly Rest[]) => void;
}

interface Kind {
  told: number;
  held: number;
  readonly sources: Map<string, { told: number; held: number }>;
}

/** The name of what is beyond the kinds or sources that are counted separately. */
export const OTHERS = 'others';

/** Keeps nothing, and no timer, beyond the interval in which something came. */
export class Summary {
  readonly #options: SummaryOptions;
  readonly #kinds = new Map<string, Kind>();
  #cancel: Cancel | undefined;

  constructor(options: SummaryOptions) {
    this.#options = options;
  }

  /** True if this one is to be reported individually; else it is part of a rest. */
  admit(kind: string, source: string): boolean {
    this.#cancel ??= this.#options.clock.after(SUMMARY_EVERY_MS, () => {
      this.flush();
    });
    const { firstOfSource = Number.POSITIVE_INFINITY, maxSources = MAX_SUMMARY_SOURCES } = this.#options;
    const { firstOfKind } = this.#options;
    const first = typeof firstOfKind === 'number' ? firstOfKind : (firstOfKind[kind] ?? 0);
    const ofKind = entryOf(this.#kinds, kind, MAX_SUMMARY_KINDS, () => ({
      told: 0,
      held: 0,
      sources: new Map<string, { told: number; held: number }>(),
    }));
    const ofSource = entryOf(ofKind.sources, source, maxSources, () => ({ told: 0, held: 0 }));
    if (ofKind.told < first && ofSource.told < firstOfSource) {
      ofKind.told += 1;
      ofSource.told += 1;
      return true;
    }
    ofKind.held += 1;
    ofSource.held += 1;
    return false;
  }

  /** Reports the rests now, and begins anew. May be called at any time. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const kinds = [...this.#kinds].filter(([, { held }]) => held > 0);
    this.#kinds.clear();
    if (kinds.length === 0) return;
    const rests = kinds.map(([kind, { held, sources }]) => {
      const counts = [...sources].map(([source, counted]) => [source, counted.held] as const);
      const busiest = counts.filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
      return { kind, count: held, sources: busiest.slice(0, MAX_NAMED_SOURCES) };
    });
    this.#options.onRests(rests);
  }
}

function entryOf<Entry>(entries: Map<string, Entry>, name: string, max: number, make: () => Entry): Entry {
  const key = entries.has(name) || entries.size < max ? name : OTHERS;
  const entry = entries.get(key) ?? make();
  entries.set(key, entry);
  return entry;
}
