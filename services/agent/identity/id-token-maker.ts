// Identity tokens as proof makers: a token is had from somewhere, looked at, and kept for the attempts that follow.
import type { MadeProof, ProofMaker } from '#shared/identity/proof-maker.ts';
import type { Clock } from '#shared/time/clock.ts';
import { idTokenFault } from './id-token.ts';

/** How long a token is shown again before another one is asked for, in milliseconds. The shortest ones live for 5 minutes. */
export const TOKEN_KEPT_MS = 60_000;

export type HadToken =
  | { readonly kind: 'token'; readonly token: string }
  /** A sentence for a person, with the way out. `passes`: it may on its own. */
  | { readonly kind: 'none'; readonly message: string; readonly passes: boolean };

/** Where tokens for an audience come from. Never rejects. */
export type TokenSource = (audience: string, signal: AbortSignal) => Promise<HadToken>;

/** `name`: `the identity token of GitHub Actions`. `wayOut` is for a token that is for somebody else. */
export function idTokenMaker(
  name: string,
  source: TokenSource,
  clock: Clock,
  wayOut: (audience: string) => string = () => '',
): ProofMaker {
  let kept: { readonly audience: string; readonly token: string; readonly until: number } | undefined;

  async function make(audience: string, signal: AbortSignal): Promise<MadeProof> {
    if (kept === undefined || kept.audience !== audience || kept.until <= clock.now()) {
      const had = await source(audience, signal);
      if (had.kind === 'none') return { kind: 'unmade', message: had.message, passes: had.passes };
      const token = had.token.trim();
      const fault = idTokenFault(token, audience);
      if (fault !== undefined) {
        return { kind: 'unmade', message: `${name} ${fault}${wayOut(audience)}`, passes: false };
      }
      kept = { audience, token, until: clock.now() + TOKEN_KEPT_MS };
    }
    return { kind: 'made', identity: { kind: 'oidc', token: kept.token } };
  }

  return { kind: 'oidc', name, make: ({ audience }, signal) => make(audience, signal) };
}
