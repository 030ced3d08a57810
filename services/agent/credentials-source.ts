// Where the credentials come from: key files and URLs, a chosen password, or one that is made here.

import { type Fetch, loadAuthorizedKeys } from './authorized-keys-source.ts';
import { makePassword } from './ci/random-token.ts';
import type { AgentOptions, EntryOptions } from './cli.ts';
import type { Entry } from './notices/card.ts';
import { type AuthorizedKey, type AuthorizedKeys, parseAuthorizedKeys } from './ssh/authorized-keys.ts';
import type { Credentials } from './ssh/credentials.ts';

/** Of one source, told one by one. */
const PROBLEMS_TOLD_MAX = 5;

export type PreparedCredentials =
  | {
      readonly kind: 'prepared';
      readonly credentials: Credentials;
      /** What the job log tells of them. */
      readonly entry: Entry;
      readonly notes: readonly string[];
    }
  /** One line each, naming the source and the way out. */
  | { readonly kind: 'failed'; readonly faults: readonly string[] };

/** Loads or makes what people enter with. */
export async function prepareCredentials(
  { entry, user }: Pick<AgentOptions, 'entry' | 'user'>,
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

/** A few lines say what is wrong with a file of keys; of something else one line says all. */
function faultsFrom(
  { problems, keyCount }: AuthorizedKeys & { kind: 'refused' },
  text: string,
  source: string,
): readonly string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '').length;
  if (keyCount === 0 && lines > 1) {
    return [`authorized keys ${source}: none of its ${lines} lines is a public key; check what is there`];
  }
  if (problems.length <= PROBLEMS_TOLD_MAX) return problems;
  const more = problems.length - PROBLEMS_TOLD_MAX;
  return [...problems.slice(0, PROBLEMS_TOLD_MAX), `authorized keys ${source}: ${more} more lines are wrong`];
}
