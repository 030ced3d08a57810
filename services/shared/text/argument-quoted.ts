// A word of a command line of Windows, where a program gets one line of text and takes it apart by itself.

/**
 * In quotes, as programs of Microsoft's C library take it apart, and PowerShell and the shells of Git and Cygwin with it:
 * backslashes mean themselves, but for those before a quote, which are doubled.
 */
export function argumentQuoted(word: string): string {
  const inner = word.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1');
  return `"${inner}"`;
}
