// The first folder that will do, of several: in an image most may be full, closed to this user, or not there.
import { faultText } from '#shared/text/fault-text.ts';

export type FirstFolder<Made> =
  | { readonly kind: 'made'; readonly made: Made }
  /** No folder will do; `detail` says what is wrong with each. */
  | { readonly kind: 'none'; readonly detail: string };

/** What `make` makes in the first of `parents` for which it does not throw; each is tried once. Never throws. */
export function inFirstFolder<Made>(
  parents: Iterable<string>,
  make: (parent: string) => Made,
): FirstFolder<Made> {
  const faults: string[] = [];
  for (const parent of new Set(parents)) {
    try {
      return { kind: 'made', made: make(parent) };
    } catch (error) {
      faults.push(`${parent}: ${faultText(error)}`);
    }
  }
  return { kind: 'none', detail: faults.join('; ') };
}
