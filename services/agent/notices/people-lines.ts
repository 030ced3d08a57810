// Whose keys and certificates open a session, as the card says it: with the fingerprints of what was fetched.
import { Untrusted } from '#shared/text/untrusted.ts';
import type { AccessSummary } from '../access/access-list.ts';
import type { KnownAccount } from '../access/key-accounts.ts';
import type { UserAuthority } from '../access/user-authorities.ts';

/** So many fingerprints of one account are shown; the rest is a number. */
export const MAX_FINGERPRINTS_SHOWN = 20;

/** Of what an authority is called, so much is shown. */
const MAX_COMMENT_LENGTH = 64;

/** One string per line. */
export function peopleLines(people: AccessSummary): string[] {
  const { accounts, authorities, principals, relay } = people;
  return [
    headline(people),
    ...accounts.flatMap(accountLines),
    ...authorityLines(authorities, principals),
    ...relayLines(relay, principals),
  ];
}

function headline({ authorizedKeys, accounts, authorities, relay }: AccessSummary): string {
  const all = [...accounts, ...(relay?.accounts ?? [])];
  const count = all.reduce((sum, { keys }) => sum + keys.length, authorizedKeys);
  const hasAuthorities = authorities.length + (relay?.authorities.length ?? 0) > 0;
  if (count === 0 && hasAuthorities) return 'Enter with an SSH certificate, no password.';
  const what = hasAuthorities ? 'SSH key or certificate' : 'SSH key';
  return `Enter with your ${what}: ${count === 1 ? '1 key is' : `${count} keys are`} accepted, no password.`;
}

function accountLines({ name, keys, isSilent }: KnownAccount): string[] {
  if (isSilent === true)
    return [`  ${name}: did not answer; it is asked again when somebody comes with a key that is not known`];
  if (keys.length === 0) return [`  ${name}: no key that can log in yet; add one there and come again`];
  const shown = keys.slice(0, MAX_FINGERPRINTS_SHOWN).map(({ fingerprint, comment }) => {
    // The keys of a team have their owners' names.
    const owner = comment.startsWith('github:') && comment !== name ? ` (${comment})` : '';
    return `    ${fingerprint}${owner}`;
  });
  const more = keys.length - shown.length;
  return [`  ${name}:`, ...shown, ...(more === 0 ? [] : [`    and ${more} more`])];
}

function authorityLines(
  authorities: readonly UserAuthority[],
  principals: AccessSummary['principals'],
): string[] {
  const whom = principals === 'any' ? 'anybody' : principals.join(' or ');
  return authorities.map(({ fingerprint, comment }) => {
    const name = comment === '' ? '' : ` (${new Untrusted(comment).printable(MAX_COMMENT_LENGTH)})`;
    return `  certificates for ${whom} by ${fingerprint}${name}`;
  });
}

function relayLines(relay: AccessSummary['relay'], principals: AccessSummary['principals']): string[] {
  if (relay === undefined) return [];
  const { host, accounts, authorities } = relay;
  const lines = [...accounts.flatMap(accountLines), ...authorityLines(authorities, principals)];
  if (lines.length === 0) return [`The relay of ${host} may say who else may enter, and names nobody.`];
  return [`The relay of ${host} says who else may enter (--access policy):`, ...lines];
}
