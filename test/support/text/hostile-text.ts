// Text of strangers that means harm, and a judge of output that knows nothing of the code that should have mended it.

/** Sets a title, clears a screen, rings, starts lines of its own, turns the direction, hides letters; and commands of CI systems. */
export const HOSTILE_TEXT =
  '\u001b]0;owned\u0007\u001b[2J\r\nok: all is well\u009b31m\u202e\u200b##vso[a.b]c ##[error]d\n::error::e';

/** The same without the commands, for what has less room. */
export const HOSTILE_WORD = '\u001b]0;owned\u0007\u001b[2J\r\nok\u009b31m\u202e';

/** C0 but LF, DEL, C1; direction; no width; line and paragraph separators; annotations; tags; halves of pairs. */
const FORBIDDEN =
  // oxlint-disable-next-line no-control-regex -- they are what it looks for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\u{d800}-\u{dfff}]/gu;

/** What is in `output` that no line should have, by code point; LF ends a line. */
export function forbiddenIn(output: string): string[] {
  return [...output.matchAll(FORBIDDEN)].map(([text]) => `U+${text.codePointAt(0)?.toString(16)}`);
}

/** The lines of `output` that a runner would obey, or show as something else than text. */
export function commandsIn(output: string): string[] {
  return output.split(/\r\n|\r|\n/).filter(isCommand);
}

function isCommand(line: string): boolean {
  return (
    // GitHub's first form, anywhere; Azure and TeamCity, anywhere.
    /##[^\s[]*\[/.test(line) ||
    // GitHub's second form, at the start; and in whatever is cut out of the line.
    /^\s*::/.test(line) ||
    /::[a-z-]+( [^:]*)?::/i.test(line) ||
    // Buildkite's groups.
    /^\s*(---|\+\+\+|~~~|\^\^\^)/.test(line)
  );
}
