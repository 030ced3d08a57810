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

/** What a relay says of itself that has no policy, in its log and on its page. */
export const OPEN_TEXT = 'open: everybody who reaches this relay may use it';

const PROOFS: Readonly<Record<IdentityKind, string>> = {
  oidc: 'an identity token of the CI system',
  token: 'a token',
  key: 'an SSH key',
  certificate: 'an SSH certificate',
  sso: 'a single sign-on',
};

/** One line: whether the relay is open, or what it asks of whom. */
export function entryNotice({ agents, clients, knowsNetworks }: EntryTerms): Prose {
  if (agents === undefined && clients === undefined) return OPEN_TEXT;
  const ways = [
    ...(clients ?? []).map((kind) => PROOFS[kind]),
    ...(knowsNetworks ? ['an address that it knows'] : []),
  ];
  const opening = agents?.map((kind) => PROOFS[kind]);
  return `This relay asks who comes. Agents: ${oneOf(opening)}. Clients: ${oneOf(clients && ways)}.`;
}

function oneOf(ways: readonly string[] | undefined): string {
  if (ways === undefined) return 'anybody';
  return ways.length === 0 ? 'nobody' : ways.join(', or ');
}
