// Arguments: the options and words of a client program, each option given once at most.
import { type OptionForm, splitArguments } from '#shared/command-line/split-arguments.ts';
import { versionText } from './version.ts';

/** Why a command line was not taken, in one line. */
export interface Invalid {
  readonly kind: 'invalid';
  readonly message: string;
}

/** What the program prints instead of running: its help or its version. */
export interface PrintedText {
  readonly kind: 'text';
  readonly text: string;
}

export interface Arguments {
  readonly kind: 'arguments';
  /** The values of the options that were given, by name. */
  readonly values: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

const COMMON_SWITCHES = ['help', 'version'] as const;

/**
 * Reads a command line: `options` take a value each, `switches` none; `--help` prints `help`. The first fault is the answer.
 * Never throws.
 */
export function readArguments(
  args: readonly string[],
  options: readonly string[],
  help: string,
  switches: readonly string[] = [],
): Arguments | PrintedText | Invalid {
  const forms: Readonly<Record<string, OptionForm>> = Object.fromEntries([
    ...options.map((name) => [name, { takesValue: true }] as const),
    ...[...COMMON_SWITCHES, ...switches].map((name) => [name, { takesValue: false }] as const),
  ]);
  const given = new Map<string, string>();
  const split = splitArguments(args, forms);
  for (const { name, rawName, value } of split.options) {
    if (given.has(name)) return invalid(`${rawName} is given twice`);
    if (!Object.hasOwn(forms, name)) return invalid(`there is no option ${rawName}; --help lists them`);
    if (forms[name]?.takesValue === true) {
      if (!value) return invalid(`${rawName} needs a value`);
    } else if (value !== undefined) return invalid(`${rawName} takes no value`);
    given.set(name, value ?? '');
  }
  if (given.has('help')) return { kind: 'text', text: help };
  if (given.has('version')) return { kind: 'text', text: `${versionText()}\n` };
  return { kind: 'arguments', values: given, positionals: split.positionals };
}

export function invalid(message: string): Invalid {
  return { kind: 'invalid', message };
}
