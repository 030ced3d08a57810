// A prover that has nothing to show, for links to relays that ask for nothing.
import type { Prover } from '#shared/identity/proof-maker.ts';

export const NO_PROOF: Prover = {
  makersFor: () => Promise.resolve({ kind: 'none', message: 'the test has nothing to show' }),
};
