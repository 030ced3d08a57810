// Entry terms: who may come in at this relay, as far as its page says so: the kinds of proof, and none of the rules.
import type { IdentityKind } from '#shared/protocol/identity.ts';
import type { Prose } from './sections.ts';

/** What the policy asks for. */
export interface EntryTerms {
  /** Any of these proofs may let an agent in; none: nobody may open one. Undefined: nothing is asked. */
  readonly agents: readonly IdentityKind[] | undefined;
  /** The same for clients. */
  readonly clients: readonly IdentityKind[] | undefined;
  /** Some clients need no proof: the address that they come from is enough. */
  readonly knowsNetworks: boolean;
}

/** Without a policy. */
export const OPEN_TERMS: EntryTerms = { agents: undefined, clients: undefined, knowsNetworks: false };

const PROOFS: Readonly<Record<IdentityKind, string>> = {
  oidc: 'an identity token of the CI system',
  token: 'a token',
  key: 'an SSH key',
  certificate: 'an SSH certificate',
  sso: 'a single sign-on',
};

/** One line: whether the relay is open, or what it asks of whom. */
export function entryNotice({ agents, clients, knowsNetworks }: EntryTerms): Prose {
  if (agents === undefined && clients === undefined)
    return 'open: everybody who reaches this relay may use it, to open agents and to reach them.';
  const opening = asked(agents, 'may open an agent here', false);
  const reaching = asked(clients, 'may dial in here', knowsNetworks);
  return `This relay asks who comes: ${opening}; ${reaching}. Who gets a shell is for the job to say, after that.`;
}

function asked(kinds: readonly IdentityKind[] | undefined, what: string, knowsNetworks: boolean): string {
  if (kinds === undefined) return `anybody ${what}`;
  const proofs = kinds.map((kind) => PROOFS[kind]);
  const ways = knowsNetworks ? [...proofs, 'an address that it knows'] : proofs;
  return ways.length === 0 ? `nobody ${what}` : `who ${what} has ${ways.join(' or ')}`;
}
