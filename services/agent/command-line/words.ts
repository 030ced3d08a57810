// The words of the agent's command line: options and the rest, as they stand there.
import { parseArgs } from 'node:util';
import { OPTIONS, type OptionKey } from './option-table.ts';

/** What was given; the values are not yet checked. */
export interface Words {
  readonly values: ReadonlyMap<OptionKey, readonly string[]>;
  readonly positionals: readonly string[];
  /** One line for each unknown option and each missing value. */
  readonly faults: readonly string[];
}

export type CommandLine =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | ({ readonly kind: 'words' } & Words);

const KEYS = Object.keys(OPTIONS) as OptionKey[];
const HELP = { type: 'boolean', short: 'h' } as const;
const VERSION = { type: 'boolean', short: 'V' } as const;

/** The value of a switch that was given, as its variable would have it. */
const SWITCHED_ON = '1';

/** Splits `argv`. Who asks for help gets it, whatever else is there. Never throws. */
export function readWords(argv: readonly string[]): CommandLine {
  const { tokens } = parseArgs({
    args: [...argv],
    options: { ...Object.fromEntries(KEYS.map(typeOf)), help: HELP, version: VERSION },
    // Strict would throw at the first fault; people get all of them.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<OptionKey, readonly string[]>();
  const positionals: string[] = [];
  const faults: string[] = [];
  const asked = new Set<string>();
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const key = KEYS.find((candidate) => OPTIONS[candidate].name === name);
    if (name === 'help' || name === 'version') {
      asked.add(name);
    } else if (key === undefined) {
      faults.push(`unknown option ${rawName}: see agent --help`);
    } else {
      const before = values.get(key) ?? [];
      const fault = faultOf(key, value, inlineValue === true, before);
      if (fault === undefined) values.set(key, [...before, value ?? SWITCHED_ON]);
      else faults.push(fault);
    }
  }
  if (asked.has('help')) return { kind: 'help' };
  return asked.has('version') ? { kind: 'version' } : { kind: 'words', values, positionals, faults };
}

function typeOf(key: OptionKey): [string, { type: 'boolean' | 'string' }] {
  const { name, placeholder } = OPTIONS[key];
  return [name, { type: placeholder === undefined ? 'boolean' : 'string' }];
}

function faultOf(
  key: OptionKey,
  value: string | undefined,
  isInline: boolean,
  before: readonly string[],
): string | undefined {
  const { name, placeholder, isRepeatable } = OPTIONS[key];
  if (placeholder === undefined) {
    return value === undefined ? undefined : `--${name} takes no value, got "${value}"`;
  }
  if (value === undefined || (!isInline && value.startsWith('-'))) {
    return `--${name} needs a value: --${name}=${placeholder}`;
  }
  return before.length > 0 && !isRepeatable ? `--${name} was given twice: keep one` : undefined;
}
