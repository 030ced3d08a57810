// Where the credentials come from: key files and URLs, a chosen password, or one that is made here.
import { type AuthorizedKey, type AuthorizedKeys, parseAuthorizedKeys } from './authorized-keys.ts';
import { type Fetch, loadAuthorizedKeys } from './authorized-keys-source.ts';
import type { Credentials } from './credentials.ts';
import { makePassword } from './random-token.ts';

/** How people are to prove that they may enter, as the command line asks for it. Keys exclude a password. */
export type EntryOptions =
  | {
      readonly kind: 'keys';
      readonly sources: readonly string[];
      /** Keys may come by http: as well. */
      readonly allowsHttp: boolean;
    }
  | { readonly kind: 'chosen_password'; readonly password: string }
  /** The agent is to make a password. */
  | { readonly kind: 'generated_password' };

/** How people prove that they may enter, as the job log puts it. */
export type WayIn =
  /** A password that the agent made: it is printed, there is no other way to learn it. */
  | { readonly kind: 'generated_password'; readonly password: string }
  /** A password that the CI author set: they know it, and a log may be read by more people. */
  | { readonly kind: 'chosen_password' }
  | { readonly kind: 'keys'; readonly count: number };

/** At most this many problems of one source get a line each. */
const MAX_PROBLEMS_TOLD = 5;

export type PreparedCredentials =
  | {
      readonly kind: 'prepared';
      readonly credentials: Credentials;
      /** What the job log says of them. */
      readonly entry: WayIn;
      readonly notes: readonly string[];
    }
  /** One line each, naming the source and the way out. */
  | { readonly kind: 'failed'; readonly faults: readonly string[] };

/** Loads or makes what people enter with. */
export async function prepareCredentials(
  { entry, user }: { readonly entry: EntryOptions; readonly user: string },
  fetch: Fetch,
): Promise<PreparedCredentials> {
  switch (entry.kind) {
    case 'generated_password': {
      const password = makePassword();
      const credentials: Credentials = { kind: 'password', user, password };
      return { kind: 'prepared', credentials, entry: { kind: 'generated_password', password }, notes: [] };
    }
    case 'chosen_password': {
      const credentials: Credentials = { kind: 'password', user, password: entry.password };
      return { kind: 'prepared', credentials, entry: { kind: 'chosen_password' }, notes: [] };
    }
    case 'keys':
      return prepareKeys(entry, user, fetch);
  }
}

async function prepareKeys(
  { sources, allowsHttp }: EntryOptions & { kind: 'keys' },
  user: string,
  fetch: Fetch,
): Promise<PreparedCredentials> {
  const loaded = await loadAuthorizedKeys(sources, { allowsHttp, fetch });
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
  if (faults.length === 0 && keys.length === 0) {
    faults.push(`authorized keys: no usable key in ${sources.join(', ')}; add an ed25519, ecdsa or rsa key`);
  }
  if (faults.length > 0) return { kind: 'failed', faults };
  const credentials: Credentials = { kind: 'keys', user, keys };
  return { kind: 'prepared', credentials, entry: { kind: 'keys', count: keys.length }, notes };
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
