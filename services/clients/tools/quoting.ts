// Quoting: words of a command put into a ProxyCommand, into a line to paste, and into what rsync calls ssh by.
import { argumentQuoted } from '#shared/text/argument-quoted.ts';
import { shellQuoted } from '#shared/text/shell-quoted.ts';

/** Nothing that a shell, ssh_config or cmd.exe acts on. */
const PLAIN_WORD = /^[A-Za-z0-9_@+=:,./-]+$/;
/** The same for ssh_config and the shell that comes with Git for Windows. */
const PLAIN_WINDOWS_WORD = /^[A-Za-z0-9_@+=:,./#~%[\]-]+$/;
/** What double quotes do not protect in a POSIX shell. */
const ALIVE_IN_DOUBLE_QUOTES = /["$`\\!]/;

export type QuotingPlatform = NodeJS.Platform;

/**
 * A ProxyCommand of these words. On POSIX systems ssh gives it to the person's own shell; on Windows OpenSSH starts it as
 * it is, and the one of Git gives it to a shell, so a path there has slashes, which all of them take. `%` is ssh's own.
 */
export function proxyCommandOf(words: readonly string[], platform: QuotingPlatform): string {
  const quote = platform === 'win32' ? windowsProxyWord : shellWord;
  return words.map(quote).join(' ').replaceAll('%', '%%');
}

/** A line that a shell of this platform takes apart into these words again. */
export function pastedLine(words: readonly string[], platform: QuotingPlatform): string {
  return words.map(platform === 'win32' ? windowsWord : shellWord).join(' ');
}

/** For `rsync -e`: it knows blanks and quotes, and two of these for one (rsync(1)); it knows no backslash. */
export function remoteShellOf(words: readonly string[]): string {
  return words.map((word) => (PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", "''")}'`)).join(' ');
}

/** One word for sh, bash, dash, zsh and fish. Double quotes where they do, so that quotes in quotes stay readable. */
function shellWord(word: string): string {
  if (PLAIN_WORD.test(word)) return word;
  if (!ALIVE_IN_DOUBLE_QUOTES.test(word)) return `"${word}"`;
  return shellQuoted(word);
}

function windowsProxyWord(word: string): string {
  const path = /^[A-Za-z]:\\|^\\\\/.test(word) ? word.replaceAll('\\', '/') : word;
  return PLAIN_WINDOWS_WORD.test(path) ? path : `"${path}"`;
}

/** One word by the rules of Microsoft's C runtime; PowerShell and cmd.exe take it alike unless it has quotes itself. */
function windowsWord(word: string): string {
  return /^[^\s"#;&|<>^(){}'`,@]+$/.test(word) ? word : argumentQuoted(word);
}
