// The proving dial: dials a relay, and again with a proof of who dials if the relay asks for one.
//
//   dial with a pass, or with nothing
//     -- a certificate that is not good for a pass --> dial with nothing
//     -- anything but identity_required --> the outcome
//     -- identity_required --> a proof by the likeliest maker --> dial
//          -- challenge_stale, the first time --> the same maker signs the new challenge --> dial
//          -- a refusal of this proof --> the next maker, if there is one
//          -- anything else --> the outcome
//
// So a relay that asks again and again is dialled MAX_PROOFS_PER_DIAL + 3 times at most.
import {
  audienceOf,
  IDENTITY_HEADER,
  type IdentityDemand,
  isPass,
  PASS_HEADER,
  type SignedFacts,
} from '#shared/protocol/identity.ts';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import { MAX_SHOWN_REFUSAL_LENGTH } from '#shared/websocket/dial-failure-text.ts';
import type { FailedDial } from '#shared/websocket/dial-outcome.ts';
import { isBadCertificate } from '#shared/websocket/peer-check.ts';
import type { ProofMaker, Prover } from './proof-maker.ts';
import { isPrivateWay } from './proof-way.ts';

/** As many keys as an sshd lets somebody try at one login by default (MaxAuthTries). */
export const MAX_PROOFS_PER_DIAL = 6;

/** Whom the dial is for, and what it can show. */
export interface ProvingDialOptions {
  /** ws: or wss:, as a person gave it: its origin is what proofs are made for. */
  readonly relay: URL;
  readonly proxy: URL | undefined;
  readonly who: Pick<SignedFacts, 'role' | 'id' | 'claimHash'>;
  readonly prover: Prover;
  /** From an earlier `welcome` or 101; empty: none. */
  readonly pass: string;
  /** Ends the making of proofs; the dials have their own. */
  readonly signal: AbortSignal;
}

/** No proof was accepted, or none could be made. */
export interface Unproved {
  readonly kind: 'unproved';
  /** One line for a person, with the way out. */
  readonly message: string;
  /** It may pass on its own, so that another attempt makes sense. */
  readonly passes: boolean;
}

type Refused = Extract<FailedDial, { kind: 'refused' }>;

/** `dial` is called with the headers to add, once or more, one after the other. Never rejects if `dial` does not. */
export async function dialProving<Open extends { readonly kind: 'open' }>(
  options: ProvingDialOptions,
  dial: (headers: Readonly<Record<string, string>>) => Promise<Open | FailedDial>,
): Promise<Open | FailedDial | Unproved> {
  const { relay, proxy, who, prover, pass, signal } = options;
  const withPass = pass !== '' && isPass(pass) ? await dial({ [PASS_HEADER]: pass }) : undefined;
  const first = withPass === undefined || isForNobody(withPass) ? await dial({}) : withPass;
  const demand = demandOf(first, 'identity_required');
  if (demand === undefined) return first;
  const asks = `${relay.host} asks ${who.role}s who they are`;
  if (!isPrivateWay(relay, proxy)) {
    return unproved(`${asks}, and on the way there others could read a proof: use wss:// in place of ws://`);
  }
  const found = await prover.makersFor(demand.kinds);
  if (found.kind === 'none') return unproved(`${asks}: ${found.message}`);

  const audience = audienceOf(relay.href);
  let { challenge } = demand;
  let mayRenew = true;
  const refused: { readonly maker: ProofMaker; readonly outcome: Refused }[] = [];
  const unmade: { readonly message: string; readonly passes: boolean }[] = [];
  for (const maker of found.makers.slice(0, MAX_PROOFS_PER_DIAL)) {
    for (;;) {
      const proof = await maker.make({ ...who, audience, challenge }, signal);
      if (signal.aborted) return { kind: 'unreachable', code: 'ABORTED', detail: 'given up' };
      if (proof.kind === 'unmade') {
        unmade.push(proof);
        break;
      }
      const outcome = await dial({ [IDENTITY_HEADER]: formatIdentity(proof.identity) });
      const renewed = demandOf(outcome, 'challenge_stale');
      if (renewed !== undefined && mayRenew) {
        mayRenew = false;
        ({ challenge } = renewed);
        continue;
      }
      if (!isAboutProof(outcome)) return outcome;
      refused.push({ maker, outcome });
      break;
    }
  }
  const [only, ...others] = refused;
  if (only !== undefined && others.length === 0 && unmade.length === 0) return only.outcome;
  const messages = [
    ...unmade.map(({ message }) => message),
    ...refused.map(({ maker, outcome }) => `${maker.name} was refused: ${wordsOf(outcome)}`),
  ];
  // What was refused once is refused again; what could not be made may come.
  const passes = unmade.some((one) => one.passes);
  return { kind: 'unproved', message: `${asks}: ${messages.join('; ')}`, passes };
}

/** Whether the peer is none that a pass is shown to. */
export function isForNobody(outcome: { readonly kind: string }): boolean {
  return isUnreachable(outcome) && isBadCertificate(outcome.code);
}

/** What a refusal with `code` asks for. */
function demandOf(outcome: { readonly kind: string }, code: RefusalCode): IdentityDemand | undefined {
  const { refusal } = isRefused(outcome) ? outcome : {};
  return refusal?.code === code ? refusal.demand : undefined;
}

/** Whether it refuses the proof that was shown, so that another one may do better. */
export function isAboutProof<Outcome extends { readonly kind: string }>(
  outcome: Outcome,
): outcome is Outcome & Refused {
  const { refusal } = isRefused(outcome) ? outcome : {};
  if (refusal === undefined) return false;
  return /^(token|key|certificate|sso)_|^not_admitted$|^id_not_allowed$/.test(refusal.code);
}

function isRefused(outcome: { readonly kind: string }): outcome is Refused {
  return outcome.kind === 'refused';
}

function isUnreachable(outcome: {
  readonly kind: string;
}): outcome is Extract<FailedDial, { kind: 'unreachable' }> {
  return outcome.kind === 'unreachable';
}

function wordsOf({ refusal }: Refused): string {
  if (refusal === undefined) return '';
  return `${refusal.message.printable(MAX_SHOWN_REFUSAL_LENGTH)} (${refusal.code})`;
}

function unproved(message: string): Unproved {
  return { kind: 'unproved', message, passes: false };
}
