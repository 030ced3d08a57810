// The check of proofs: who somebody is, by whatever kind of proof was shown. Costly steps come last, and none at all for what no
// rule names.
import { hash } from 'node:crypto';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { RevocationList } from '#shared/ssh/revocation-list.ts';
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
          const { issuers } = knownTo(policy, asking.role);
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
  const { keys, authorities, revoked } = knownTo(policy, role);
  const { audience } = policy;
  return checkKeyProof(proof, { ...own, audience, role, id, claimHash, address, keys, authorities, revoked });
}

/** What the rules for one role know: gathered once for each policy, not for each proof that a stranger shows. */
interface Known {
  readonly issuers: readonly TrustedIssuer[];
  /** `SHA256:…` */
  readonly keys: readonly string[];
  readonly authorities: readonly string[];
  readonly revoked: Pick<RevocationList, 'revocationOf'>;
}

const gathered = new WeakMap<Policy, Partial<Record<Asking['role'], Known>>>();

function knownTo(policy: Policy, role: Asking['role']): Known {
  const ofPolicy = gathered.get(policy) ?? {};
  ofPolicy[role] ??= gather(policy, role);
  gathered.set(policy, ofPolicy);
  return ofPolicy[role];
}

function gather(policy: Policy, role: Asking['role']): Known {
  const proofs = rulesOf(policy, role).map((rule) => rule.proof);
  const issuers = proofs.flatMap((proof) => (proof.kind === 'oidc' ? [proof.issuer] : []));
  const keys = proofs.flatMap((proof) => (proof.kind === 'key' ? proof.keys : []));
  const certified = proofs.filter((proof) => proof.kind === 'certificate');
  // Those of clients count for agents too: only rules of clients have such lists.
  const lists = (policy.clients ?? []).flatMap(({ proof }) =>
    proof.kind === 'certificate' && proof.revoked !== undefined ? [proof.revoked.list] : [],
  );
  return {
    // Each once.
    issuers: [...new Map(issuers.map((issuer) => [issuer.url, issuer])).values()],
    keys: keys.map(({ fingerprint }) => fingerprint),
    authorities: certified.flatMap(({ authorities }) => authorities.map(({ fingerprint }) => fingerprint)),
    // What one rule revokes is revoked for all: whoever lost a key has lost it.
    revoked: {
      revocationOf: (subject) =>
        lists.map((list) => list.revocationOf(subject)).find((revocation) => revocation !== undefined),
    },
  };
}

function rulesOf({ agents, clients }: Policy, role: Asking['role']): readonly (AgentRule | ClientRule)[] {
  return (role === 'agent' ? agents : clients) ?? [];
}

function refused(code: RefusalCode, message: string): Promise<IdentityVerdict> {
  return Promise.resolve({ kind: 'refused', code, message });
}
