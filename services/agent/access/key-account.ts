// Accounts: whose keys may enter, as `--allow` and a relay's policy name them.

export type KeyAccount =
  | { readonly kind: 'github'; readonly user: string }
  /** Everybody who is in it. */
  | { readonly kind: 'github_team'; readonly organisation: string; readonly team: string }
  | { readonly kind: 'gitlab'; readonly user: string }
  /** Any list of keys. */
  | { readonly kind: 'url'; readonly url: string };

export type ReadAccount =
  | { readonly kind: 'account'; readonly account: KeyAccount }
  /** Names the text and the way out. */
  | { readonly kind: 'fault'; readonly fault: string };

/** The forms that an account may have, in words for a person. */
export const ACCOUNT_FORMS = 'github:USER, github:ORG/TEAM, gitlab:USER or https://HOST/LIST';

/** Of a fault so much of the text is shown. */
const MAX_TEXT_TOLD = 128;

/** Accounts of companies have an underscore in their names. */
const GITHUB_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const GITHUB_TEAM = /^[A-Za-z0-9_-]{1,100}$/;
const GITLAB_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$/;

/** Reads what names an account. Never throws. */
export function parseAccount(text: string): ReadAccount {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) {
    return { kind: 'account', account: { kind: 'url', url: text } };
  }
  const [, provider, name = '', team] = /^([a-z]+):([^/]*)(?:\/(.*))?$/.exec(text) ?? [];
  if (provider === 'github' && GITHUB_NAME.test(name)) {
    if (team === undefined) return { kind: 'account', account: { kind: 'github', user: name } };
    if (GITHUB_TEAM.test(team))
      return { kind: 'account', account: { kind: 'github_team', organisation: name, team } };
  }
  if (provider === 'gitlab' && team === undefined && GITLAB_NAME.test(name)) {
    return { kind: 'account', account: { kind: 'gitlab', user: name } };
  }
  return { kind: 'fault', fault: `"${text.slice(0, MAX_TEXT_TOLD)}" is no account: write ${ACCOUNT_FORMS}` };
}

/** How an account is called in the job log, as it was written; a URL without what may be secret in it. */
export function accountName(account: KeyAccount): string {
  switch (account.kind) {
    case 'github':
      return `github:${account.user}`;
    case 'github_team':
      return `github:${account.organisation}/${account.team}`;
    case 'gitlab':
      return `gitlab:${account.user}`;
    case 'url': {
      const { origin, pathname } = new URL(account.url);
      return `${origin}${pathname}`;
    }
  }
}
