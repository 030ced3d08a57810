// The place keeper: extends the places of this pod while those who have them are here.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { RENEW_EVERY_MS } from '../registry/registry.ts';
import { undefinedIfRegistryIsAway } from '../registry/registry-unavailable.ts';
import type { Tally, TallyPlace } from '../registry/tally.ts';

export interface PlaceKeeperOptions {
  readonly tally: Tally;
  readonly clock: Clock;
  /** What is held now. */
  readonly held: () => Iterable<TallyPlace>;
}

/** Extends from now on; the result stops it and may be called twice. */
export function keepPlaces({ tally, clock, held }: PlaceKeeperOptions): Cancel {
  const over = new AbortController();
  let cancel: Cancel = () => {};
  const extendLater = (): void => {
    cancel = clock.after(RENEW_EVERY_MS, () => {
      // A place that could not be extended is taken again with the next one.
      void tally
        .extend([...held()])
        .catch(undefinedIfRegistryIsAway)
        .finally(() => {
          if (!over.signal.aborted) extendLater();
        });
    });
  };
  extendLater();
  return () => {
    over.abort();
    cancel();
  };
}
