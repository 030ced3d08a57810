// The command line of the agent: arguments and variables become options, or all of their faults at once.
import type { Environment } from '#shared/machine/environment.ts';
import type { EntryOptions } from '../access/credentials-source.ts';
import { BACKGROUND_FLAG, type BackgroundPlace, parseBackgroundPlace } from '../background/start-words.ts';
import { CONVERGE_COMMAND_FLAG } from '../converge-command/command-flag.ts';
import type { NoticeTarget } from '../tell/notice-target.ts';
import { type Note, readEntryOptions } from './entry-options.ts';
import { helpText } from './help-text.ts';
import { type JobInvocation, readJobWords } from './job-words.ts';
import { readNotifyOptions } from './notify-options.ts';
import { OPTIONS, type OptionKey, type SettingKey, type Settings, URL_VARIABLE } from './option-table.ts';
import { isOn } from './option-values.ts';
import { parseRelayAddress, type RelayAddress } from './relay-address.ts';
import { readWords, type Words } from './words.ts';

/** All that an agent is asked for. */
export interface AgentOptions extends Settings {
  readonly relay: RelayAddress;
  readonly entry: EntryOptions;
  /** Whom to tell what happens. */
  readonly notify: readonly NoticeTarget[];
}

/** What the program was started for. */
export type Invocation =
  /** `notes` are for stderr; nothing is wrong with the options. */
  | { readonly kind: 'run'; readonly options: AgentOptions; readonly notes: readonly string[] }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | JobInvocation
  /** By `agent start`. */
  | {
      readonly kind: 'in_background';
      readonly place: BackgroundPlace;
      readonly options: AgentOptions;
      readonly notes: readonly string[];
    }
  | { readonly kind: 'converge_command'; readonly socketPath: string; readonly argv: readonly string[] }
  /** One line each, naming the option, the value and the way out. For stderr, then EXIT_CODES.bad_arguments. */
  | { readonly kind: 'invalid'; readonly faults: readonly string[] };

/** What the words of an agent come to. */
type AgentInvocation = Extract<Invocation, { kind: 'run' | 'help' | 'version' | 'invalid' }>;

/** Reads what the agent was started with. `argv` is without program names. Never throws, reads no files. */
export function parseInvocation(argv: readonly string[], env: Environment): Invocation {
  const [first, socketPath = '', ...rest] = argv;
  if (first === CONVERGE_COMMAND_FLAG) return { kind: 'converge_command', socketPath, argv: rest };
  if (first === BACKGROUND_FLAG) {
    const place = parseBackgroundPlace(socketPath);
    const read = readAgentWords(rest, env);
    if (place === undefined) return { kind: 'invalid', faults: [`${first} is for agent start alone`] };
    return read.kind === 'run' ? { ...read, kind: 'in_background', place } : read;
  }
  return readJobWords(argv, env, readAgentWords) ?? readAgentWords(argv, env);
}

function readAgentWords(argv: readonly string[], env: Environment): AgentInvocation {
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
  /** Undefined: it was not given, and there is no default. */
  readonly value: string | undefined;
  readonly origin: string;
}

function optionsFrom(words: Words, env: Environment): AgentInvocation {
  const faults = [...words.faults];
  const note = (fault: string): undefined => {
    faults.push(fault);
    return undefined;
  };
  const relay = readRelay(words.positionals, env, note);
  // Durations first: they are compared with one another.
  const [durations, others] = [
    SETTING_KEYS.filter(isDuration),
    SETTING_KEYS.filter((key) => !isDuration(key)),
  ];
  const lengths = readSettings(durations, words, env, note);
  const entry = readEntryOptions(words, env, isSwitchedOn('allowInsecureKeysUrl', words, env, note), note);
  const tellsHttp = isSwitchedOn('allowInsecureNotify', words, env, note);
  const notify = readNotifyOptions(words, env, tellsHttp, note);
  const rest = readSettings(others, words, env, note);
  const { timeoutMs, maxLifetimeMs } = lengths;
  if (timeoutMs !== undefined && maxLifetimeMs !== undefined && timeoutMs > maxLifetimeMs) {
    const timeout = given('timeoutMs', words, env);
    const lifetime = given('maxLifetimeMs', words, env);
    faults.push(
      `${timeout.origin} (${timeout.value}) is longer than ${lifetime.origin} (${lifetime.value}): ` +
        'shorten the one or lengthen the other',
    );
  }
  const { identity, identityKey } = rest;
  if (identityKey !== undefined && identity !== undefined && identity !== 'key') {
    const [key, source] = [given('identityKey', words, env), given('identity', words, env)];
    faults.push(
      `${key.origin} is for an identity by key, and ${source.origin} is ${identity}: remove one of them`,
    );
  }
  if (rest.hasLink === true && entry?.kind === 'keys') {
    const { origin } = given('hasLink', words, env);
    faults.push(`${origin} is a link in place of a password, and only keys are accepted: remove it`);
  }
  if (relay === undefined || entry === undefined || faults.length > 0) return { kind: 'invalid', faults };
  return {
    kind: 'run',
    // Each of them is there, or there would be a fault.
    options: { relay, entry, notify, ...({ ...lengths, ...rest } as Settings) },
    notes: SHOWN_SECRETS.filter((key) => words.values.has(key)).map((key) => {
      const { name, variable } = OPTIONS[key];
      return `other users of this machine can see --${name} in ps: use ${variable} instead`;
    }),
  };
}

/** Better given by their variables. */
const SHOWN_SECRETS = ['password', 'notify'] as const satisfies readonly OptionKey[];

const SETTING_KEYS = (Object.keys(OPTIONS) as OptionKey[]).filter(isSetting);

function isSetting(key: OptionKey): key is SettingKey {
  return OPTIONS[key].read !== undefined;
}

function isDuration(key: SettingKey): boolean {
  return OPTIONS[key].placeholder === 'DURATION';
}

/** The values of `keys`, without those that have a fault. */
function readSettings(
  keys: readonly SettingKey[],
  words: Words,
  env: Environment,
  note: Note,
): Partial<Settings> {
  const values = keys.flatMap((key) => {
    const { value, origin } = given(key, words, env);
    const read = OPTIONS[key].read(value);
    if (read.kind === 'value') return [[key, read.value] as const];
    note(`${origin}: ${read.fault}`);
    return [];
  });
  return Object.fromEntries(values);
}

function isSwitchedOn(key: OptionKey, words: Words, env: Environment, note: Note): boolean {
  const { value, origin } = given(key, words, env);
  const read = isOn(value);
  if (read.kind === 'fault') note(`${origin}: ${read.fault}`);
  return read.kind === 'value' && read.value;
}

/** The argument, else the variable unless it is empty, else the default. */
function given(key: OptionKey, words: Words, env: Environment): Given {
  const { name, variable, fallback } = OPTIONS[key];
  const argument = words.values.get(key)?.[0];
  if (argument !== undefined) return { value: argument, origin: `--${name}` };
  const value = env[variable] ?? '';
  return value === '' ? { value: fallback, origin: `--${name}` } : { value, origin: variable };
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
