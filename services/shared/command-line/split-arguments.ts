// Splitting a command line: its options and the rest, as they stand there. What they mean is each program's own.
import { parseArgs } from 'node:util';

/** How an option is written. One that is in no list of forms is taken for a switch. */
export interface OptionForm {
  readonly takesValue: boolean;
  /** One letter: `h` for `-h`. */
  readonly short?: string;
}

/** One option of a command line; it may not exist. */
export interface GivenOption {
  readonly name: string;
  /** As it was typed, with its dashes. */
  readonly rawName: string;
  readonly value: string | undefined;
  /** True for `--name=value`; without it a value is the next word, which may be another option. */
  readonly isInline: boolean;
}

/** Both in the order in which they were typed. */
export interface SplitArguments {
  readonly options: readonly GivenOption[];
  readonly positionals: readonly string[];
}

/** Splits the words after a program's name, by the forms of its options. Never throws: the caller says what is wrong. */
export function splitArguments(
  args: readonly string[],
  forms: Readonly<Record<string, OptionForm>>,
): SplitArguments {
  const types = Object.entries(forms).map(([name, { takesValue, short }]) => {
    const type = takesValue ? ('string' as const) : ('boolean' as const);
    return [name, short === undefined ? { type } : { type, short }] as const;
  });
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options: Object.fromEntries(types),
    // Strict would throw at the first fault, in words of its own.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const options = tokens
    .filter((token) => token.kind === 'option')
    .map(({ name, rawName, value, inlineValue }) => ({
      name,
      rawName,
      value,
      isInline: inlineValue === true,
    }));
  return { options, positionals };
}
