// Words for a shell, quoted.

/** One word for any POSIX shell, whatever is in it. */
export function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
