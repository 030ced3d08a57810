// A policy for clients: the relay's real challenges and real checks of certificates, beside one token.
import { createHash } from 'node:crypto';
import type { IdentityKind } from '#shared/protocol/identity.ts';
import type { PresentedIdentity } from '#shared/protocol/presented-identity.ts';
import type { GateParts } from '../../../services/relay/gate-parts.ts';
import type { ClusterKey } from '../../../services/relay/hop/cluster-key.ts';
import { makeChallenge } from '../../../services/relay/identity/challenge.ts';
import { checkKeyProof } from '../../../services/relay/identity/key-proof.ts';
import type { ClientRule, Policy } from '../../../services/relay/policy/policy.ts';

export interface ClientPolicyOptions {
  /** Shared by the pods of a cluster. */
  readonly seal: ClusterKey;
  /** `SHA256:…` of the keys whose certificates count. */
  readonly authorities?: readonly string[];
  /** `http(s)://HOST[:PORT]`, by which clients must have dialled; it may be known only once the relay listens. */
  readonly audience?: () => string;
}

/** Lets in clients with the token `good` or with a certificate; agents come as they like. */
export class ClientPolicy {
  /** Every proof that was looked at. */
  readonly checked: PresentedIdentity[] = [];
  /** The name of the rule: a pass by another one does not count any more. */
  rule = 'staff';
  admitsToken = true;
  /** What it asks for: certificates only where it has authorities. */
  kinds: readonly IdentityKind[];
  readonly #options: ClientPolicyOptions;

  constructor(options: ClientPolicyOptions) {
    this.#options = options;
    this.kinds = options.authorities === undefined ? ['token'] : ['token', 'certificate'];
  }

  get parts(): Partial<GateParts> {
    const { seal, authorities = [], audience = () => '' } = this.#options;
    const { checked } = this;
    // Another policy only where something has changed: the gate asks again by whatever is another one.
    let last: Policy | undefined;
    const current = (): Policy => {
      const [rule] = last?.clients ?? [];
      if (last === undefined || rule?.name !== this.rule || last.audience !== audience())
        last = { audience: audience(), agents: undefined, clients: [this.#rule()], sso: undefined };
      return last;
    };
    return {
      policy: {
        get current() {
          return current();
        },
      },
      identities: {
        challenge: () => makeChallenge(seal, Date.now()),
        check(presented, asking) {
          checked.push(presented);
          if ('signature' in presented) {
            const facts = { ...asking, audience: audience(), now: Date.now(), seal };
            return Promise.resolve(checkKeyProof(presented, { ...facts, keys: [], authorities }));
          }
          const sha256 = createHash('sha256').update(presented.token).digest('hex');
          return Promise.resolve({ kind: 'verified', identity: { kind: 'token', sha256 } });
        },
      },
      judge: {
        agent: () => ({ kind: 'refused', code: 'not_admitted', message: 'agents are not asked' }),
        client: (policy, identity) => {
          const [rule] = policy.clients ?? [];
          const isGood =
            identity.kind === 'certificate' ||
            (identity.kind === 'token' &&
              this.admitsToken &&
              identity.sha256 === createHash('sha256').update('good').digest('hex'));
          if (rule === undefined || !isGood)
            return { kind: 'refused', code: 'token_unknown', message: 'no rule has this token' };
          const { kind } = identity;
          return {
            kind: 'admitted',
            rule,
            admittance: { rule: rule.name, kind, subject: 'tester', facts: {} },
          };
        },
        kindsAsked: () => this.kinds,
      },
    };
  }

  #rule(): ClientRule {
    const proof = { kind: 'token', tokens: [] } as const;
    return { name: this.rule, networks: undefined, proof, ids: undefined };
  }
}
