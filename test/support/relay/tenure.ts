// Proofs of tenure for tests: of an agent that is linked, and has had its ID since a given time.
import { SEEN_NOW, type Tenure } from '../../../services/relay/registry/tenure.ts';

/** Had the ID since `heldSince`, in milliseconds since the Unix epoch; linked now, unless `seen` says otherwise. */
export function provenSince(heldSince: number, seen = SEEN_NOW): Tenure {
  return { heldSince, eldersBefore: 1, horizon: 1, seen, wonAt: 1 };
}

/** Of an agent that nobody is junior to. */
export const LINKED = provenSince(Date.now());
