// The words that a person gives to a stock program: its options, and what comes after them.

const TOOL_NAMES = ['ssh', 'sftp', 'scp', 'rsync'] as const;

export type ToolName = (typeof TOOL_NAMES)[number];

export function isToolName(word: string | undefined): word is ToolName {
  return TOOL_NAMES.some((name) => name === word);
}

/** OpenSSH's programs stop looking for options at the first word that is none; rsync takes them anywhere. */
export interface ToolWords {
  readonly options: readonly string[];
  readonly rest: readonly string[];
}

/** The letters whose options take a value, by the manual page of each (OpenSSH 10, rsync 3.4). */
const VALUE_LETTERS: Readonly<Record<ToolName, string>> = {
  ssh: 'BDEFIJLOPQRSWbceilmopw',
  sftp: 'BDFJPRSXbcilos',
  scp: 'DFJMPSXcilo',
  rsync: 'BMTef@',
};

/** A rule of rsync's may begin with a colon, too. */
const TAKES_A_RULE = /^(?:-[A-Za-z0-9]*f|--(?:filter|include|exclude))$/;

/** Where OpenSSH's program ends its options, by the letters that take a value. */
export function splitToolWords(tool: Exclude<ToolName, 'rsync'>, words: readonly string[]): ToolWords {
  let at = 0;
  while (at < words.length) {
    const word = words[at] ?? '';
    if (word === '--' || word === '-' || !word.startsWith('-')) break;
    at += wantsNextWord(tool, word) ? 2 : 1;
  }
  return { options: words.slice(0, at), rest: words.slice(at) };
}

/** True if the words choose the remote shell: by `-e`, also among other letters, or by `--rsh`. */
export function choosesRemoteShell(words: readonly string[]): boolean {
  return words.some((word) => {
    if (/^--rsh(?:=|$)/.test(word)) return true;
    return /^-[^-]/.test(word) && firstValueLetter('rsync', word) === 'e';
  });
}

/** `:PATH` is a path in the job: `host` stands before it. `./:NAME` is a file here. */
export function nameHost(host: string, words: readonly string[]): string[] {
  return words.map((word, at) => {
    const isRule = TAKES_A_RULE.test(words[at - 1] ?? '');
    return word.startsWith(':') && !isRule ? `${host}${word}` : word;
  });
}

/** True if its value is not in the word itself: `-p 22`, where `-p22` has it. */
function wantsNextWord(tool: ToolName, word: string): boolean {
  const letter = firstValueLetter(tool, word);
  return letter !== undefined && word.indexOf(letter, 1) === word.length - 1;
}

function firstValueLetter(tool: ToolName, word: string): string | undefined {
  const letters = VALUE_LETTERS[tool];
  return word.slice(1).match(new RegExp(`[${letters}]`))?.[0];
}
