// The words of the agent's command line: options and the rest, as they stand there.
import { type OptionForm, splitArguments } from '#shared/command-line/split-arguments.ts';
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
const FORMS: Readonly<Record<string, OptionForm>> = {
  ...Object.fromEntries(KEYS.map(formOf)),
  help: { takesValue: false, short: 'h' },
  version: { takesValue: false, short: 'V' },
};

/** The value of a switch that was given, as its variable would have it. */
const SWITCHED_ON = '1';

/** Splits `argv`. Whoever asks for help gets it, whatever else is there. Never throws. */
export function readWords(argv: readonly string[]): CommandLine {
  const { options, positionals } = splitArguments(argv, FORMS);
  const values = new Map<OptionKey, readonly string[]>();
  const faults: string[] = [];
  const asked = new Set<string>();
  for (const { name, rawName, value, isInline } of options) {
    const key = KEYS.find((candidate) => OPTIONS[candidate].name === name);
    if (name === 'help' || name === 'version') {
      asked.add(name);
    } else if (key === undefined) {
      faults.push(`unknown option ${rawName}: see agent --help`);
    } else {
      const before = values.get(key) ?? [];
      const fault = faultOf(key, value, isInline, before);
      if (fault === undefined) values.set(key, [...before, value ?? SWITCHED_ON]);
      else faults.push(fault);
    }
  }
  if (asked.has('help')) return { kind: 'help' };
  return asked.has('version') ? { kind: 'version' } : { kind: 'words', values, positionals, faults };
}

function formOf(key: OptionKey): [string, OptionForm] {
  const { name, placeholder } = OPTIONS[key];
  return [name, { takesValue: placeholder !== undefined }];
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
