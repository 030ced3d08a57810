// The command line of the agent: arguments and variables become options, or all of their faults at once.
import { parseDuration } from '#shared/time/duration.ts';
import { SESSION_COMMAND_FLAG } from '../converge-command/shim.ts';
import type { Environment } from '../job/environment.ts';
import { helpText } from './help-text.ts';
import { OPTIONS, type OptionKey, URL_VARIABLE } from './option-table.ts';
import { parseRelayAddress, type RelayAddress } from './relay-address.ts';
import { readWords, type Words } from './words.ts';

/** How people prove that they may enter; keys exclude a password. */
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

export interface AgentOptions {
  readonly relay: RelayAddress;
  readonly timeoutMs: number;
  readonly maxLifetimeMs: number;
  /** 0: sessions do not outlive their transport. */
  readonly resumeWindowMs: number;
  readonly entry: EntryOptions;
  readonly user: string;
  /** Absolute path; undefined: the user's own. */
  readonly shell: string | undefined;
  readonly allowsForwarding: boolean;
  readonly isQuiet: boolean;
}

export type Invocation =
  /** `notes` are for stderr; nothing is wrong with the options. */
  | { readonly kind: 'run'; readonly options: AgentOptions; readonly notes: readonly string[] }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | { readonly kind: 'session_command'; readonly socketPath: string; readonly argv: readonly string[] }
  /** One line each, naming the option, the value and the way out. For stderr, then EXIT_CODES.bad_arguments. */
  | { readonly kind: 'invalid'; readonly faults: readonly string[] };

/** Of a chosen password, in characters. A hundred guesses are free (MAX_PASSWORD_FAILURES), and people choose badly. */
export const MIN_PASSWORD_LENGTH = 12;

/** POSIX portable user names and the dots of people; nothing that a shell or `ssh user@host` would misread. */
const USER_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** Reads what the agent was started with. `argv` is without program names. Never throws, reads no files. */
export function parseInvocation(argv: readonly string[], env: Environment): Invocation {
  const [first, socketPath = '', ...rest] = argv;
  if (first === SESSION_COMMAND_FLAG) return { kind: 'session_command', socketPath, argv: rest };
  const line = readWords(argv);
  switch (line.kind) {
    case 'help':
      return { kind: 'help', text: helpText() };
    case 'version':
      return line;
    case 'words':
      return optionsFrom(line, env);
  }
}

/** A value and where it came from, in words for a fault. */
interface Given {
  readonly value: string;
  readonly origin: string;
}

function optionsFrom(words: Words, env: Environment): Invocation {
  const faults = [...words.faults];
  const note = (fault: string): undefined => {
    faults.push(fault);
    return undefined;
  };
  const relay = readRelay(words.positionals, env, note);
  const timeoutMs = readDuration('timeout', words, env, note);
  const maxLifetimeMs = readDuration('maxLifetime', words, env, note);
  const resumeWindowMs = readDuration('resumeWindow', words, env, note, 0);
  const entry = readEntry(words, env, note);
  const user = readUser(words, env, note);
  const shell = readShell(words, env, note);
  const noForwarding = readSwitch('noForwarding', words, env, note);
  const isQuiet = readSwitch('quiet', words, env, note);
  if (timeoutMs !== undefined && maxLifetimeMs !== undefined && timeoutMs > maxLifetimeMs) {
    const timeout = given('timeout', words, env);
    const lifetime = given('maxLifetime', words, env);
    faults.push(
      `${timeout.origin} (${timeout.value}) is longer than ${lifetime.origin} (${lifetime.value}): ` +
        'shorten the one or lengthen the other',
    );
  }
  const isComplete =
    relay !== undefined &&
    timeoutMs !== undefined &&
    maxLifetimeMs !== undefined &&
    resumeWindowMs !== undefined &&
    entry !== undefined &&
    user !== undefined;
  if (!isComplete || faults.length > 0) return { kind: 'invalid', faults };
  const allowsForwarding = !noForwarding;
  return {
    kind: 'run',
    options: {
      relay,
      timeoutMs,
      maxLifetimeMs,
      resumeWindowMs,
      entry,
      user,
      shell,
      allowsForwarding,
      isQuiet,
    },
    notes: words.values.has('password')
      ? [`other users of this machine can see --password in ps: use ${OPTIONS.password.variable} instead`]
      : [],
  };
}

type Note = (fault: string) => undefined;

/** The argument, else the variable unless it is empty, else the default (an empty text if there is none). */
function given(key: OptionKey, words: Words, env: Environment): Given {
  const { name, variable, fallback } = OPTIONS[key];
  const argument = words.values.get(key)?.[0];
  if (argument !== undefined) return { value: argument, origin: `--${name}` };
  const value = env[variable] ?? '';
  return value === '' ? { value: fallback ?? '', origin: `--${name}` } : { value, origin: variable };
}

function readRelay(positionals: readonly string[], env: Environment, note: Note): RelayAddress | undefined {
  const [argument, ...excess] = positionals;
  if (excess.length > 0) {
    const words = excess.map((word) => `"${word}"`).join(', ');
    return note(`one URL is expected, but more follows "${argument}": ${words}`);
  }
  const text = argument ?? env[URL_VARIABLE] ?? '';
  if (text === '')
    return note(`the URL of the relay is missing: agent wss://HOST/agent, or set ${URL_VARIABLE}`);
  const parsed = parseRelayAddress(text);
  if (parsed.kind === 'address') return parsed.address;
  return note(argument === undefined ? `${URL_VARIABLE}: ${parsed.fault}` : parsed.fault);
}

function readDuration(
  key: OptionKey,
  words: Words,
  env: Environment,
  note: Note,
  minimumMs?: number,
): number | undefined {
  const { value, origin } = given(key, words, env);
  const parsed = parseDuration(value, minimumMs);
  return parsed.kind === 'duration' ? parsed.ms : note(`${origin}: ${parsed.fault}`);
}

function readEntry(words: Words, env: Environment, note: Note): EntryOptions | undefined {
  const password = secretGiven('password', words, env);
  const keys = secretGiven('authorizedKeys', words, env);
  const allowsHttp = readSwitch('allowInsecureKeysUrl', words, env, note);
  if (password !== undefined && keys !== undefined) {
    return note(
      `${password.origin} and ${keys.origin} exclude each other: with keys, only keys are accepted; remove one`,
    );
  }
  if (keys !== undefined) {
    const sources = (words.values.get('authorizedKeys') ?? keys.value.split(/[,\n]/)).map((source) =>
      source.trim(),
    );
    const named = sources.filter((source) => source !== '');
    if (named.length > 0) return { kind: 'keys', sources: named, allowsHttp };
    return note(`${keys.origin} is empty: name a file or an https:// URL, or unset it to use a password`);
  }
  if (password === undefined) return { kind: 'generated_password' };
  const { length } = Array.from(password.value);
  if (length < MIN_PASSWORD_LENGTH) {
    const wayOut = `use ${MIN_PASSWORD_LENGTH} characters or more, or leave it out to get one made`;
    // The value is a secret: only its length is told.
    return note(`${password.origin} is too short (${length} characters): ${wayOut}`);
  }
  return { kind: 'chosen_password', password: password.value };
}

/**
 * Unlike `given`, an empty variable is there: it is what CI systems make of a missing secret, and falling back
 * to another way to enter in silence would not be what the author meant.
 */
function secretGiven(key: 'password' | 'authorizedKeys', words: Words, env: Environment): Given | undefined {
  const argument = words.values.get(key)?.[0];
  if (argument !== undefined) return { value: argument, origin: `--${OPTIONS[key].name}` };
  const value = env[OPTIONS[key].variable];
  return value === undefined ? undefined : { value, origin: OPTIONS[key].variable };
}

function readUser(words: Words, env: Environment, note: Note): string | undefined {
  const { value, origin } = given('user', words, env);
  if (USER_PATTERN.test(value)) return value;
  return note(
    `${origin}: "${value}" is not a user name: 1 to 64 of A-Z a-z 0-9 _ . -, not starting with . or -`,
  );
}

function readShell(words: Words, env: Environment, note: Note): string | undefined {
  const { value, origin } = given('shell', words, env);
  if (value === '' && !words.values.has('shell')) return undefined;
  if (value.startsWith('/')) return value;
  return note(`${origin}: "${value}" is not an absolute path: write it like /bin/bash`);
}

function readSwitch(
  key: 'noForwarding' | 'quiet' | 'allowInsecureKeysUrl',
  words: Words,
  env: Environment,
  note: Note,
): boolean {
  const { value, origin } = given(key, words, env);
  if (['1', 'true', 'yes', 'on'].includes(value.toLowerCase())) return true;
  if (!['', '0', 'false', 'no', 'off'].includes(value.toLowerCase())) {
    note(`${origin}: "${value}" is neither 1 nor 0`);
  }
  return false;
}
