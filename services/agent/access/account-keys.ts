// The keys of an account: fetched from where its owner has put them.
import { parseJson, recordOf } from '#shared/text/json-record.ts';
import type { Clock } from '#shared/time/clock.ts';
import { type AuthorizedKey, parseAuthorizedKeys } from './authorized-keys.ts';
import { MAX_KEYS_BYTES } from './authorized-keys-source.ts';
import { accountName, type KeyAccount } from './key-account.ts';
import { type LoadedSource, type LoadOptions, loadSource } from './source.ts';

/** A person has a handful. */
export const MAX_KEYS_PER_ACCOUNT = 100;

/** Each is a request of its own. */
export const MAX_TEAM_MEMBERS = 200;

/** In milliseconds: after this the next request of a team is not made any more. A login may be waiting for it. */
export const TEAM_WITHIN_MS = 20_000;

/** So many keys of members are fetched at once. */
const MEMBERS_AT_ONCE = 8;

/** What GitHub gives at most. */
const MEMBERS_PER_PAGE = 100;

/** A page of members has about 100 KiB. */
const MAX_PAGE_BYTES = 1_024 * 1_024;

/** The variable with the token that may read the members of a team. */
export const GITHUB_TOKEN_VARIABLE = 'CONVERGE_GITHUB_TOKEN';

export type AccountKeys =
  /** Perhaps none yet. `notes`: what was left out, one line each. */
  | { readonly kind: 'fetched'; readonly keys: readonly AuthorizedKey[]; readonly notes: readonly string[] }
  | {
      readonly kind: 'failed';
      /** One line, naming the account and the way out. */
      readonly fault: string;
      /** True if the next attempt may find it well. */
      readonly isPassing: boolean;
    };

export interface AccountOptions extends LoadOptions {
  readonly clock: Clock;
  /** Of GITHUB_TOKEN_VARIABLE. */
  readonly githubToken: string | undefined;
}

/** Fetches the keys of an account. Never throws. */
export async function fetchAccountKeys(account: KeyAccount, options: AccountOptions): Promise<AccountKeys> {
  const name = accountName(account);
  switch (account.kind) {
    case 'github':
      return fetchList(name, `https://github.com/${account.user}.keys`, options);
    case 'gitlab':
      return fetchList(name, `https://gitlab.com/${account.user}.keys`, options);
    case 'url':
      return fetchList(name, account.url, options);
    case 'github_team':
      return fetchTeam(name, account, options);
  }
}

async function fetchList(name: string, url: string, options: LoadOptions): Promise<AccountKeys> {
  const loaded = await loadSource(url, { ...options, maxBytes: MAX_KEYS_BYTES });
  if (loaded.kind === 'failed') return failedAt(name, loaded);
  const text = loaded.bytes.toString('utf8');
  if (text.trim() === '') return { kind: 'fetched', keys: [], notes: [] };
  const parsed = parseAuthorizedKeys(text, name);
  if (parsed.kind === 'refused') {
    // Whoever only has keys that cannot log in here has none yet.
    const isEmpty =
      parsed.keyCount === 0 && parsed.problems.every((problem) => problem.endsWith('no usable key'));
    if (isEmpty) return { kind: 'fetched', keys: [], notes: [] };
    return { kind: 'failed', fault: parsed.problems[0] ?? `${name}: not a list of keys`, isPassing: false };
  }
  const { notes } = parsed;
  // GitHub leaves the comments out.
  const keys = parsed.keys.map((key) => ({ ...key, comment: key.comment === '' ? name : key.comment }));
  if (keys.length <= MAX_KEYS_PER_ACCOUNT) return { kind: 'fetched', keys, notes };
  const fault = `${name}: ${keys.length} keys, of an account ${MAX_KEYS_PER_ACCOUNT} are taken; name a shorter list`;
  return { kind: 'failed', fault, isPassing: false };
}

function failedAt(name: string, failed: Extract<LoadedSource, { kind: 'failed' }>): AccountKeys {
  const { fault, status, isPassing } = failed;
  const words =
    status === 404 && !name.startsWith('http') ? 'there is no such account; check the name' : fault;
  return { kind: 'failed', fault: `${name}: ${words}`, isPassing };
}

async function fetchTeam(
  name: string,
  { organisation, team }: KeyAccount & { kind: 'github_team' },
  options: AccountOptions,
): Promise<AccountKeys> {
  // A secret of a CI system ends with a line end now and then.
  const githubToken = options.githubToken?.trim() ?? '';
  if (!/^[!-~]+$/.test(githubToken)) {
    const fault = `${name}: who is in a team GitHub only tells a token with read:org; put one into ${GITHUB_TOKEN_VARIABLE}`;
    return { kind: 'failed', fault, isPassing: false };
  }
  const until = options.clock.now() + TEAM_WITHIN_MS;
  const url = `https://api.github.com/orgs/${organisation}/teams/${team}/members?per_page=${MEMBERS_PER_PAGE}`;
  const members: string[] = [];
  for (let page = 1; ; page += 1) {
    if (options.clock.now() > until) return tooLate(name);
    const read = await fetchMembers(name, `${url}&page=${page}`, { ...options, githubToken });
    if (read.kind === 'failed') return read;
    members.push(...read.members);
    if (members.length > MAX_TEAM_MEMBERS) {
      const fault = `${name}: more than ${MAX_TEAM_MEMBERS} people; name a smaller team`;
      return { kind: 'failed', fault, isPassing: false };
    }
    if (read.members.length < MEMBERS_PER_PAGE) break;
  }
  return keysOf(name, members, { ...options, until });
}

type Members =
  | { readonly kind: 'members'; readonly members: readonly string[] }
  | Extract<AccountKeys, { kind: 'failed' }>;

async function fetchMembers(
  name: string,
  url: string,
  { githubToken, ...options }: LoadOptions & { readonly githubToken: string },
): Promise<Members> {
  const headers = { authorization: `Bearer ${githubToken}`, accept: 'application/vnd.github+json' };
  const loaded = await loadSource(url, { ...options, headers, maxBytes: MAX_PAGE_BYTES });
  if (loaded.kind === 'failed') {
    const { status, isPassing } = loaded;
    const isHidden = status === 401 || status === 403 || status === 404;
    const words = isHidden
      ? `GitHub answered ${status}; check the names, and that the token in ${GITHUB_TOKEN_VARIABLE} may read the members of the organisation`
      : loaded.fault;
    return { kind: 'failed', fault: `${name}: ${words}`, isPassing };
  }
  const list = parseJson(loaded.bytes.toString('utf8'));
  const logins = Array.isArray(list) ? list.map((member) => recordOf(member)?.['login']) : [undefined];
  const members = logins.filter((login) => typeof login === 'string' && isGithubName(login));
  if (members.length === logins.length) return { kind: 'members', members: members as string[] };
  return {
    kind: 'failed',
    fault: `${name}: GitHub answered something else than a list of people`,
    isPassing: true,
  };
}

function tooLate(name: string): AccountKeys & { readonly kind: 'failed' } {
  const fault = `${name}: not all answers came within ${TEAM_WITHIN_MS / 1_000} s`;
  return { kind: 'failed', fault, isPassing: true };
}

/** A name goes into the path of a URL. */
function isGithubName(login: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(login);
}

/** The keys of all. Whoever cannot be asked now fails all, since they would be locked out in silence. */
async function keysOf(
  name: string,
  members: readonly string[],
  { until, ...options }: AccountOptions & { readonly until: number },
): Promise<AccountKeys> {
  const keys: AuthorizedKey[] = [];
  const notes: string[] = [];
  for (let start = 0; start < members.length; start += MEMBERS_AT_ONCE) {
    if (options.clock.now() > until) return tooLate(name);
    const some = members.slice(start, start + MEMBERS_AT_ONCE);
    const fetched = await Promise.all(
      some.map((user) => fetchAccountKeys({ kind: 'github', user }, options)),
    );
    for (const result of fetched) {
      if (result.kind === 'failed' && result.isPassing) return result;
      if (result.kind === 'fetched') keys.push(...result.keys);
      notes.push(...(result.kind === 'fetched' ? result.notes : [result.fault]));
    }
  }
  return { kind: 'fetched', keys, notes };
}
