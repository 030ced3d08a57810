// Proof makers: what an agent or a client has that can prove to a relay who it is.
import type { IdentityKind, SignedFacts } from '#shared/protocol/identity.ts';
import type { PresentedIdentity } from '#shared/protocol/presented-identity.ts';

/** What became of the wish for one proof. */
export type MadeProof =
  | { readonly kind: 'made'; readonly identity: PresentedIdentity }
  /** A sentence for a person, with the way out. `passes`: it may on its own, so that another attempt makes sense. */
  | { readonly kind: 'unmade'; readonly message: string; readonly passes: boolean };

/** One key, certificate, token or sign-on. */
export interface ProofMaker {
  readonly kind: IdentityKind;
  /** For people: `the key SHA256:… (FILE)`, `the token in CONVERGE_TOKEN`. */
  readonly name: string;
  /** Makes a proof for this relay and ID. `signal` ends the attempt, the result is then of no use. Never rejects. */
  make(facts: SignedFacts, signal: AbortSignal): Promise<MadeProof>;
}

/** What there is for the kinds that a relay takes. */
export type FoundMakers =
  /** One or more, the likeliest first. */
  | { readonly kind: 'found'; readonly makers: readonly ProofMaker[] }
  /** A sentence for a person, with the way out. */
  | { readonly kind: 'none'; readonly message: string };

/** Everything that somebody could prove itself by; it is asked only when a relay asks. */
export interface Prover {
  /** Those for `kinds`, in any order of these. Never rejects. */
  makersFor(kinds: readonly IdentityKind[]): Promise<FoundMakers>;
}
