// The commands of a job: `agent run`, `start`, `wait`, `stop` and `status`, as they stand on the command line.
import { splitArguments } from '#shared/command-line/split-arguments.ts';
import type { Environment } from '#shared/machine/environment.ts';
import { ID_RULE, isValidId } from '#shared/protocol/paths.ts';
import { parseDuration } from '#shared/time/duration.ts';
import type { AgentOptions } from './cli.ts';
import { URL_VARIABLE } from './option-table.ts';

/** The first words that are commands; everything else is an agent in the foreground. */
const JOB_COMMANDS = ['run', 'start', 'wait', 'stop', 'status'] as const;
type JobCommand = (typeof JOB_COMMANDS)[number];

/** The name of an agent in the background, in place of `--name`. */
export const NAME_VARIABLE = 'CONVERGE_NAME';
/** How long `agent wait` waits for somebody to come, in place of `--linger`. */
export const LINGER_VARIABLE = 'CONVERGE_LINGER';

/** What a job asks for. */
export type JobInvocation =
  /** Runs `command`; opens the door where that fails. */
  | {
      readonly kind: 'run_command';
      readonly options: AgentOptions;
      readonly notes: readonly string[];
      readonly command: readonly [string, ...string[]];
    }
  /** Runs `command` and no agent: what the environment says of one is no good, and that is no fault of the job. */
  | {
      readonly kind: 'run_alone';
      readonly faults: readonly string[];
      readonly command: readonly [string, ...string[]];
    }
  /** `words` are those of the agent to start; undefined `name`: the job's own, as in all of these. */
  | {
      readonly kind: 'start';
      readonly name: string | undefined;
      readonly words: readonly string[];
      readonly isQuiet: boolean;
    }
  | { readonly kind: 'wait'; readonly name: string | undefined; readonly lingerMs: number }
  | { readonly kind: 'stop'; readonly name: string | undefined }
  | { readonly kind: 'status'; readonly name: string | undefined; readonly isJson: boolean };

/** What the words of an agent come to, which `run` and `start` have too. */
type AgentWords =
  | { readonly kind: 'run'; readonly options: AgentOptions; readonly notes: readonly string[] }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | { readonly kind: 'invalid'; readonly faults: readonly string[] };

export type JobWords = JobInvocation | Exclude<AgentWords, { kind: 'run' }>;

/** Undefined: the first word is none of these commands. `read` reads the words of an agent in an environment. Never throws. */
export function readJobWords(
  [first, ...rest]: readonly string[],
  env: Environment,
  read: (words: readonly string[], env: Environment) => AgentWords,
): JobWords | undefined {
  const readAgent = (words: readonly string[]): AgentWords => read(words, env);
  const command = JOB_COMMANDS.find((word) => word === first);
  switch (command) {
    case undefined:
      return undefined;
    case 'run':
      return readRun(rest, readAgent, (words) => read(words, NO_FAULTS).kind !== 'invalid');
    case 'start':
      return readStart(rest, env, readAgent);
    case 'wait':
    case 'stop':
    case 'status':
      return readAsking(command, rest, env, readAgent);
  }
}

/** An environment in which nothing is wrong but what the words themselves say. */
const NO_FAULTS: Environment = { [URL_VARIABLE]: 'wss://localhost/agent' };

/**
 * What is wrong with the words is the author's, who hears of it before anything runs. What is wrong with the environment may be so on
 * one machine only, or in the runs of forks, which get no secrets: the command runs without an agent then.
 */
function readRun(
  rest: readonly string[],
  readAgent: (words: readonly string[]) => AgentWords,
  areWordsGood: (words: readonly string[]) => boolean,
): JobWords {
  const at = rest.indexOf('--');
  const words = at < 0 ? rest : rest.slice(0, at);
  const read = readAgent(words);
  if (read.kind === 'help' || read.kind === 'version') return read;
  const [file, ...args] = at < 0 ? [] : rest.slice(at + 1);
  const missing = 'the command is missing: agent run [options] [URL] -- COMMAND…';
  const faults = read.kind === 'invalid' ? read.faults : [];
  if (file === undefined) return { kind: 'invalid', faults: [...faults, missing] };
  if (read.kind === 'invalid') {
    return areWordsGood(words) ? { kind: 'run_alone', faults, command: [file, ...args] } : read;
  }
  const { options, notes } = read;
  return { kind: 'run_command', options, notes, command: [file, ...args] };
}

function readStart(
  rest: readonly string[],
  env: Environment,
  readAgent: (words: readonly string[]) => AgentWords,
): JobWords {
  const { words, names } = withoutName(rest);
  const read = readAgent(words);
  if (read.kind === 'help' || read.kind === 'version') return read;
  const named = nameFrom(names, env);
  const faults = [...(read.kind === 'invalid' ? read.faults : []), ...named.faults];
  if (read.kind === 'invalid' || faults.length > 0) return { kind: 'invalid', faults };
  return { kind: 'start', name: named.name, words, isQuiet: read.options.isQuiet };
}

/** `--name NAME` and `--name=NAME` taken out: an agent in the foreground has no name. */
function withoutName(rest: readonly string[]): { words: string[]; names: (string | undefined)[] } {
  const words: string[] = [];
  const names: (string | undefined)[] = [];
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at] ?? '';
    if (word === '--') return { words: [...words, ...rest.slice(at)], names };
    if (word === '--name') {
      at += 1;
      names.push(rest[at]);
    } else if (word.startsWith('--name=')) names.push(word.slice('--name='.length));
    else words.push(word);
  }
  return { words, names };
}

const ASKING_FORMS = {
  name: { takesValue: true },
  linger: { takesValue: true },
  json: { takesValue: false },
} as const;

const OPTIONS_OF: Readonly<Record<'wait' | 'stop' | 'status', readonly string[]>> = {
  wait: ['name', 'linger'],
  stop: ['name'],
  status: ['name', 'json'],
};

function readAsking(
  command: Extract<JobCommand, 'wait' | 'stop' | 'status'>,
  rest: readonly string[],
  env: Environment,
  readAgent: (words: readonly string[]) => AgentWords,
): JobWords {
  const { options, positionals } = splitArguments(rest, ASKING_FORMS);
  const asksForHelp = options.some(({ rawName }) => ['--help', '-h', '--version', '-V'].includes(rawName));
  if (asksForHelp) {
    const read = readAgent(
      options.map(({ rawName }) => rawName).filter((name) => /^--?(help|version|h|V)$/.test(name)),
    );
    if (read.kind !== 'run') return read;
  }
  const faults: string[] = positionals.map((word) => `agent ${command} takes no argument, got "${word}"`);
  const valuesOf = (name: string): (string | undefined)[] =>
    options.filter((option) => option.name === name).map(({ value }) => value);
  for (const { name, rawName, value, isInline } of options) {
    if (!OPTIONS_OF[command].includes(name))
      faults.push(`unknown option ${rawName} of agent ${command}: see agent --help`);
    else if (name === 'json' && value !== undefined && isInline)
      faults.push(`--json takes no value, got "${value}"`);
  }
  const named = nameFrom(valuesOf('name'), env);
  faults.push(...named.faults);
  const linger = command === 'wait' ? lingerFrom(valuesOf('linger'), env) : { ms: 0, faults: [] };
  faults.push(...linger.faults);
  if (faults.length > 0) return { kind: 'invalid', faults };
  const { name } = named;
  switch (command) {
    case 'wait':
      return { kind: command, name, lingerMs: linger.ms };
    case 'stop':
      return { kind: command, name };
    case 'status':
      return { kind: command, name, isJson: valuesOf('json').length > 0 };
  }
}

function nameFrom(
  values: readonly (string | undefined)[],
  env: Environment,
): { readonly name: string | undefined; readonly faults: readonly string[] } {
  const [argument, ...more] = values;
  if (more.length > 0) return { name: undefined, faults: ['--name was given twice: keep one'] };
  if (values.length > 0 && argument === undefined) {
    return { name: undefined, faults: ['--name needs a value: --name=NAME'] };
  }
  const variable = env[NAME_VARIABLE];
  const name = argument ?? (variable === '' ? undefined : variable);
  if (name === undefined || isValidId(name)) return { name, faults: [] };
  const origin = argument === undefined ? NAME_VARIABLE : '--name';
  return { name: undefined, faults: [`${origin}: "${name}" is not a name: it must be ${ID_RULE}`] };
}

function lingerFrom(
  values: readonly (string | undefined)[],
  env: Environment,
): { readonly ms: number; readonly faults: readonly string[] } {
  const [argument, ...more] = values;
  if (more.length > 0) return { ms: 0, faults: ['--linger was given twice: keep one'] };
  if (values.length > 0 && argument === undefined) {
    return { ms: 0, faults: ['--linger needs a value: --linger=DURATION'] };
  }
  const text = argument ?? env[LINGER_VARIABLE] ?? '';
  if (text === '') return { ms: 0, faults: [] };
  const parsed = parseDuration(text, 0);
  if (parsed.kind === 'duration') return { ms: parsed.ms, faults: [] };
  return { ms: 0, faults: [`${argument === undefined ? LINGER_VARIABLE : '--linger'}: ${parsed.fault}`] };
}
