// How people are to enter, by the options that say it together.
import type { Environment } from '#shared/machine/environment.ts';
import type { Principals } from '../access/access-list.ts';
import type { EntryOptions, PeopleOptions } from '../access/credentials-source.ts';
import { type KeyAccount, parseAccount } from '../access/key-account.ts';
import { MAX_ACCOUNTS } from '../access/key-accounts.ts';
import { OPTIONS } from './option-table.ts';
import type { Words } from './words.ts';

/** The shortest password that may be chosen, in characters: anybody has MAX_PASSWORD_FAILURES guesses. */
export const MIN_PASSWORD_LENGTH = 12;

/** Names of people are short; sshd has no limit, a certificate has 256. */
const MAX_PRINCIPALS = 256;

/** In place of names: whomever an authority has certified. */
const ANY_PRINCIPAL = '*';

/** Takes what is wrong with an option. */
export type Note = (fault: string) => undefined;

/** The options by which people are named; with any of them only they may enter. */
const NAMING = ['authorizedKeys', 'allow', 'trustedUserCa', 'access'] as const;

type EntryKey = (typeof NAMING)[number] | 'password' | 'principals' | 'revokedKeys';

/** The values of an option, and where they came from, in words for a fault. */
interface GivenList {
  readonly key: EntryKey;
  readonly values: readonly string[];
  readonly origin: string;
}

/** Undefined: something is wrong, and noted. */
export function readEntryOptions(
  words: Words,
  env: Environment,
  allowsHttp: boolean,
  note: Note,
): EntryOptions | undefined {
  const given = (key: EntryKey): GivenList | undefined => listGiven(key, words, env);
  const password = secretGiven(words, env);
  const named = NAMING.flatMap((key) => given(key) ?? []);
  const [first] = named;
  const about = given('principals') ?? given('revokedKeys');
  if (password !== undefined && first !== undefined) {
    return note(
      `${password.origin} and ${first.origin} exclude each other: with keys, only keys are accepted; remove one`,
    );
  }
  if (first === undefined) {
    if (about !== undefined)
      return note(
        `${about.origin} is about keys and certificates: add --trusted-user-ca, --allow or --authorized-keys`,
      );
    return password === undefined ? { kind: 'generated_password' } : chosen(password, note);
  }
  const all = [...named, given('principals') ?? [], given('revokedKeys') ?? []].flat();
  const empty = all.find(({ values }) => values.length === 0);
  if (empty !== undefined) return note(emptyFault(empty));
  const people = {
    sources: given('authorizedKeys')?.values ?? [],
    allowsHttp,
    accounts: accountsFrom(given('allow'), note),
    authorities: given('trustedUserCa')?.values ?? [],
    principals: principalsFrom(given('principals'), note),
    revokedKeys: given('revokedKeys')?.values[0],
    asksRelay: asksRelayFrom(given('access'), note),
  } satisfies Omit<PeopleOptions, 'kind'>;
  const takesCertificates = people.authorities.length > 0 || people.asksRelay;
  const principals = given('principals');
  if (principals !== undefined && !takesCertificates)
    return note(`${principals.origin} is about certificates: add --trusted-user-ca`);
  return { kind: 'keys', ...people };
}

function emptyFault({ key, origin }: GivenList): string {
  const wayOut =
    key === 'authorizedKeys'
      ? 'name a file or an https:// URL, or unset it to use a password'
      : 'give it a value, or unset it';
  return `${origin} is empty: ${wayOut}`;
}

function chosen({ value, origin }: Secret, note: Note): EntryOptions | undefined {
  const { length } = Array.from(value);
  if (length >= MIN_PASSWORD_LENGTH) return { kind: 'chosen_password', password: value };
  const wayOut = `use ${MIN_PASSWORD_LENGTH} characters or more, or leave it out to get one made`;
  // The value is a secret: only its length is shown.
  return note(`${origin} is too short (${length} characters): ${wayOut}`);
}

function accountsFrom(given: GivenList | undefined, note: Note): readonly KeyAccount[] {
  if (given === undefined) return [];
  const { values, origin } = given;
  if (values.length > MAX_ACCOUNTS)
    note(`${origin}: ${values.length} accounts, ${MAX_ACCOUNTS} are taken; name a team`);
  return values.flatMap((text) => {
    const read = parseAccount(text);
    if (read.kind === 'account') return [read.account];
    note(`${origin}: ${read.fault}`);
    return [];
  });
}

function principalsFrom(given: GivenList | undefined, note: Note): Principals | undefined {
  if (given === undefined) return undefined;
  const { values, origin } = given;
  if (values.length === 1 && values[0] === ANY_PRINCIPAL) return 'any';
  if (values.length > MAX_PRINCIPALS) note(`${origin}: more than ${MAX_PRINCIPALS} names`);
  const wrong = values.find((name) => /[\s*?]/.test(name));
  if (wrong !== undefined)
    note(
      `${origin}: "${wrong.slice(0, 64)}" is no name in a certificate: names have no patterns; ${ANY_PRINCIPAL} alone is anybody`,
    );
  return values;
}

function asksRelayFrom(given: GivenList | undefined, note: Note): boolean {
  if (given === undefined) return false;
  const [word, ...more] = given.values;
  if (word !== 'policy' || more.length > 0)
    note(`${given.origin}: "${given.values.join(',').slice(0, 64)}" is not known: the one word is policy`);
  return true;
}

interface Secret {
  readonly value: string;
  readonly origin: string;
}

/**
 * An empty variable counts as set here. CI systems make one of a missing secret, and the author of the job did not mean that
 * people should then enter in another way.
 */
function secretGiven(words: Words, env: Environment): Secret | undefined {
  const { name, variable } = OPTIONS.password;
  const argument = words.values.get('password')?.[0];
  if (argument !== undefined) return { value: argument, origin: `--${name}` };
  const value = env[variable];
  return value === undefined ? undefined : { value, origin: variable };
}

/** As for the password, an empty variable counts: it is a list without values. */
function listGiven(key: EntryKey, words: Words, env: Environment): GivenList | undefined {
  const { name, variable } = OPTIONS[key];
  const text = env[variable];
  const argument = words.values.get(key);
  if (argument === undefined && text === undefined) return undefined;
  const origin = argument === undefined ? variable : `--${name}`;
  // A path may have a comma in it.
  const isList = OPTIONS[key].isRepeatable && (argument === undefined || key === 'principals');
  const values = (argument ?? [text ?? '']).flatMap((value) => (isList ? value.split(/[,\n]/) : [value]));
  return { key, values: values.map((value) => value.trim()).filter((value) => value !== ''), origin };
}
