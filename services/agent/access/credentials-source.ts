// Where the credentials come from: keys, accounts and authorities, a chosen password, or one that is made here.
import type { Clock } from '#shared/time/clock.ts';
import { AccessList, type AccessSummary, type Principals } from './access-list.ts';
import { fetchAccountKeys } from './account-keys.ts';
import { type AuthorizedKey, type AuthorizedKeys, parseAuthorizedKeys } from './authorized-keys.ts';
import { loadAuthorizedKeys } from './authorized-keys-source.ts';
import type { Credentials } from './credentials.ts';
import type { KeyAccount } from './key-account.ts';
import { KeyAccounts } from './key-accounts.ts';
import { LinkSecret } from './link-secret.ts';
import { makePassword } from './random-token.ts';
import { loadRevokedKeys } from './revoked-keys-source.ts';
import type { Fetch, LoadOptions } from './source.ts';
import { loadUserAuthorities } from './user-authorities.ts';

/** Whose keys and certificates are to count. Sources are paths and URLs. */
export interface PeopleOptions {
  readonly kind: 'keys';
  readonly sources: readonly string[];
  /** Keys may come by http: as well. */
  readonly allowsHttp: boolean;
  readonly accounts: readonly KeyAccount[];
  /** Where the keys of user authorities are. */
  readonly authorities: readonly string[];
  /** Undefined: the name to log in with, as for sshd. */
  readonly principals: Principals | undefined;
  /** Where the revoked keys are. */
  readonly revokedKeys: string | undefined;
  /** The relay may say who else may enter. */
  readonly asksRelay: boolean;
}

/** How people are to prove that they may enter, as the command line asks for it. Keys exclude a password. */
export type EntryOptions =
  | PeopleOptions
  | { readonly kind: 'chosen_password'; readonly password: string }
  /** The agent is to make a password. */
  | { readonly kind: 'generated_password' };

/** How people prove that they may enter, as the job log puts it. */
export type WayIn =
  /** A password that the agent made: it is printed, there is no other way to learn it. */
  | { readonly kind: 'generated_password'; readonly password: string }
  /** A password that the CI author set: they know it, and a log may be read by more people. */
  | { readonly kind: 'chosen_password' }
  | { readonly kind: 'keys'; readonly people: AccessSummary };

/** At most this many problems of one source get a line each. */
const MAX_PROBLEMS_TOLD = 5;

export type PreparedCredentials =
  | {
      readonly kind: 'prepared';
      readonly credentials: Credentials;
      /** What the job log says of them at this moment. */
      readonly entry: () => WayIn;
      readonly notes: readonly string[];
    }
  /** One line each, naming the source and the way out. */
  | { readonly kind: 'failed'; readonly faults: readonly string[] };

/** What the loading needs of the agent. */
export interface CredentialsContext {
  readonly clock: Clock;
  readonly fetch: Fetch;
  /** To ask GitHub who is in a team. */
  readonly githubToken: string | undefined;
  /** Takes what is found later, one line each. */
  readonly tell: (line: string) => void;
}

/** Loads or makes what people enter with. */
export async function prepareCredentials(
  options: { readonly entry: EntryOptions; readonly user: string; readonly hasLink: boolean },
  context: CredentialsContext,
): Promise<PreparedCredentials> {
  const { entry, user, hasLink } = options;
  const link = hasLink ? new LinkSecret(context.clock) : undefined;
  switch (entry.kind) {
    case 'generated_password': {
      const password = makePassword();
      const credentials: Credentials = { kind: 'password', user, password, link };
      const wayIn: WayIn = { kind: 'generated_password', password };
      return { kind: 'prepared', credentials, entry: () => wayIn, notes: [] };
    }
    case 'chosen_password': {
      const credentials: Credentials = { kind: 'password', user, password: entry.password, link };
      return { kind: 'prepared', credentials, entry: () => ({ kind: 'chosen_password' }), notes: [] };
    }
    case 'keys':
      return preparePeople(entry, user, context);
  }
}

async function preparePeople(
  options: PeopleOptions,
  user: string,
  context: CredentialsContext,
): Promise<PreparedCredentials> {
  const { allowsHttp, principals = [user], revokedKeys } = options;
  const load: LoadOptions = { allowsHttp, fetch: context.fetch };
  const accounts = accountsOf(options.accounts, { ...context, allowsHttp });
  const [keys, authorities, revoked, look] = await Promise.all([
    loadKeys(options.sources, load),
    loadUserAuthorities(options.authorities, load),
    revokedKeys === undefined ? undefined : loadRevokedKeys(revokedKeys, load),
    accounts.look(),
  ]);
  const faults = [
    ...(keys.kind === 'failed' ? keys.faults : []),
    ...(authorities.kind === 'failed' ? authorities.faults : []),
    ...(revoked?.kind === 'failed' ? [revoked.fault] : []),
    ...look.faults,
  ];
  if (
    keys.kind === 'failed' ||
    authorities.kind === 'failed' ||
    revoked?.kind === 'failed' ||
    faults.length > 0
  )
    return { kind: 'failed', faults };
  const access = new AccessList({
    clock: context.clock,
    authorizedKeys: keys.keys,
    accounts,
    authorities: authorities.authorities,
    principals,
    revoked: revoked?.list,
  });
  // If nobody else may enter either, the job waits in vain unless the next look finds them well.
  const others = [keys.keys, authorities.authorities, accounts.known.flatMap((account) => account.keys)];
  const isAlone = !options.asksRelay && others.every(({ length }) => length === 0);
  if (isAlone && look.troubles.length > 0) return { kind: 'failed', faults: look.troubles };
  return {
    kind: 'prepared',
    credentials: { kind: 'keys', user, access },
    entry: () => ({ kind: 'keys', people: access.summary }),
    notes: [...keys.notes, ...look.notes, ...look.troubles.map((trouble) => `${trouble}; asked again later`)],
  };
}

/** Accounts that are asked by this agent. */
export function accountsOf(
  accounts: readonly KeyAccount[],
  { clock, fetch, githubToken, tell, allowsHttp }: CredentialsContext & { readonly allowsHttp: boolean },
): KeyAccounts {
  return new KeyAccounts({
    accounts,
    clock,
    fetchKeys: (account) => fetchAccountKeys(account, { allowsHttp, clock, fetch, githubToken }),
    tell,
  });
}

type ReadKeys =
  | { readonly kind: 'read'; readonly keys: readonly AuthorizedKey[]; readonly notes: readonly string[] }
  | { readonly kind: 'failed'; readonly faults: readonly string[] };

async function loadKeys(sources: readonly string[], options: LoadOptions): Promise<ReadKeys> {
  const loaded = await loadAuthorizedKeys(sources, options);
  if (loaded.kind === 'failed') return loaded;
  const keys: AuthorizedKey[] = [];
  const notes: string[] = [];
  const faults: string[] = [];
  for (const { source, text } of loaded.sources) {
    const parsed = parseAuthorizedKeys(text, source);
    if (parsed.kind === 'refused') {
      faults.push(...faultsFrom(parsed, text, source));
    } else {
      keys.push(...parsed.keys);
      notes.push(...parsed.notes);
    }
  }
  if (sources.length > 0 && faults.length === 0 && keys.length === 0) {
    faults.push(`authorized keys: no usable key in ${sources.join(', ')}; add an ed25519, ecdsa or rsa key`);
  }
  return faults.length > 0 ? { kind: 'failed', faults } : { kind: 'read', keys, notes };
}

/** A line for each problem of a key file; one line in all for a file that holds no keys. */
function faultsFrom(
  { problems, keyCount }: AuthorizedKeys & { kind: 'refused' },
  text: string,
  source: string,
): readonly string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '').length;
  if (keyCount === 0 && lines > 1) {
    return [`authorized keys ${source}: none of its ${lines} lines is a public key; check what is there`];
  }
  if (problems.length <= MAX_PROBLEMS_TOLD) return problems;
  const more = problems.length - MAX_PROBLEMS_TOLD;
  return [...problems.slice(0, MAX_PROBLEMS_TOLD), `authorized keys ${source}: ${more} more lines are wrong`];
}
