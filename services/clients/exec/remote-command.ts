// The remote command: a list of arguments as one line that the shell of the job takes apart into the same list.
import { shellQuoted } from '#shared/text/shell-quoted.ts';

/** `none` is what ssh itself does: blanks between the words, and whatever the shell makes of them. */
export const QUOTINGS = ['sh', 'powershell', 'none'] as const;

export type Quoting = (typeof QUOTINGS)[number];

/** No shell acts on these, and none takes the first word for an option. */
const PLAIN_WORD = /^[A-Za-z0-9_./][A-Za-z0-9_@%+=:,./-]*$/;

/** What ends a string in single quotes for PowerShell, typographic ones too (IsSingleQuote in its CharTraits.cs); two are one in it. */
const POWERSHELL_QUOTES = /['\u2018-\u201b]/g;

/** `words` has one at least. PowerShell calls a program in quotes by `&`, and ends with the program's exit code if it is told to. */
export function remoteCommand(words: readonly string[], quoting: Quoting): string {
  switch (quoting) {
    case 'sh':
      return words.map((word, at) => (isPlain(word, at) ? word : shellQuoted(word))).join(' ');
    case 'powershell':
      return `& ${words.map((word) => `'${word.replaceAll(POWERSHELL_QUOTES, '$&$&')}'`).join(' ')}; exit $LASTEXITCODE`;
    case 'none':
      return words.join(' ');
  }
}

/** A first word with `=` would be a variable. */
function isPlain(word: string, at: number): boolean {
  return PLAIN_WORD.test(word) && !(at === 0 && word.includes('='));
}
