// The check of proofs: who somebody is, by whatever kind of proof was shown. Costly steps come last, and none at all for what no
// rule names.
import { hash } from 'node:crypto';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { Clock } from '#shared/time/clock.ts';
import { type ChallengeSeal, makeChallenge } from '../identity/challenge.ts';
import type { CiTokenCheck, IdentityVerdict, SignOnCheck, TrustedIssuer } from '../identity/identity.ts';
import { checkKeyProof, type KeyProof } from '../identity/key-proof.ts';
import type { AgentRule, ClientRule, Policy } from '../policy/policy.ts';
import type { Asking, IdentityCheck } from './needs.ts';

export interface ProofCheckOptions {
  readonly seal: ChallengeSeal;
  readonly clock: Pick<Clock, 'wallTime'>;
  /** Left out: no token of a CI system counts. */
  readonly ci?: CiTokenCheck;
  /** Left out: nobody can have signed on. */
  readonly signOn?: SignOnCheck;
}

export function proofCheckOf({ seal, clock, ci, signOn }: ProofCheckOptions): IdentityCheck {
  return {
    challenge: () => makeChallenge(seal, clock.wallTime()),
    check(presented, asking, policy) {
      const now = clock.wallTime();
      switch (presented.kind) {
        case 'oidc': {
          const issuers = issuersOf(policy, asking.role);
          const none = 'no rule of this relay asks for the token of a CI system';
          if (ci === undefined || issuers.length === 0) return refused('token_unknown_issuer', none);
          return ci.verify(presented.token, issuers);
        }
        case 'token': {
          const sha256 = hash('sha256', presented.token);
          return Promise.resolve({ kind: 'verified', identity: { kind: 'token', sha256 } });
        }
        case 'key':
        case 'certificate':
          return Promise.resolve(checkKey(presented, asking, policy, { seal, now }));
        case 'sso': {
          const none = 'nobody signs on at this relay';
          if (signOn === undefined || policy.sso === undefined) return refused('sso_refused', none);
          return Promise.resolve(signOn.verify(presented.token, policy.sso.issuer, now));
        }
      }
    },
  };
}

function checkKey(
  proof: KeyProof,
  { role, id, claimHash, address }: Asking,
  policy: Policy,
  own: { readonly seal: ChallengeSeal; readonly now: number },
): IdentityVerdict {
  const proofs = rulesOf(policy, role).map((rule) => rule.proof);
  const keys = proofs.flatMap((known) => (known.kind === 'key' ? known.keys : []));
  const certified = proofs.filter((known) => known.kind === 'certificate');
  // Those of clients count for agents too: only rules of clients have such lists.
  const lists = (policy.clients ?? []).flatMap(({ proof: known }) =>
    known.kind === 'certificate' && known.revoked !== undefined ? [known.revoked.list] : [],
  );
  return checkKeyProof(proof, {
    ...own,
    audience: policy.audience,
    role,
    id,
    claimHash,
    address,
    keys: keys.map(({ fingerprint }) => fingerprint),
    authorities: certified.flatMap(({ authorities }) => authorities.map(({ fingerprint }) => fingerprint)),
    // What one rule revokes is revoked for all: whoever lost a key has lost it.
    revoked: {
      revocationOf: (subject) =>
        lists.map((list) => list.revocationOf(subject)).find((revocation) => revocation !== undefined),
    },
  });
}

/** Each issuer once. */
function issuersOf(policy: Policy, role: Asking['role']): TrustedIssuer[] {
  const issuers = rulesOf(policy, role).flatMap(({ proof }) => (proof.kind === 'oidc' ? [proof.issuer] : []));
  return [...new Map(issuers.map((issuer) => [issuer.url, issuer])).values()];
}

function rulesOf({ agents, clients }: Policy, role: Asking['role']): readonly (AgentRule | ClientRule)[] {
  return (role === 'agent' ? agents : clients) ?? [];
}

function refused(code: RefusalCode, message: string): Promise<IdentityVerdict> {
  return Promise.resolve({ kind: 'refused', code, message });
}
