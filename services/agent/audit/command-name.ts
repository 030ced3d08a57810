// The name of a command: what may be told of a command line without telling what somebody typed.

/** Longer names are none. */
const MAX_NAME_LENGTH = 64;

/** More of a command line is not looked at, in bytes. */
const MAX_LOOKED_AT_BYTES = 4_096;

/** What is told where there is no name that is sure to be one. */
export const NO_NAME = '?';

/** A word of a shell: quoted parts, escaped characters, and all that means nothing to it. */
const WORD = /^(?:'[^']*'|"(?:[^"\\$`]|\\.)*"|\\.|[^\s'"\\$`;&|<>(){}!#*?[\]~])+/;

/** A variable that is set for the command. Its value is of nobody's concern. */
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*\+?=/;

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/;

/**
 * The name of the first program of a command line, without its folder: of `A=1 "/opt/my tools/make" all` it is `make`. NO_NAME
 * for whatever is not that plain: a shell would have to say what it stands for.
 */
export function commandNameOf(command: Buffer): string {
  let rest = command.subarray(0, MAX_LOOKED_AT_BYTES).toString('latin1').trimStart();
  for (;;) {
    const [word] = WORD.exec(rest) ?? [];
    if (word === undefined) return NO_NAME;
    const after = rest.slice(word.length);
    // The word goes on with something that only a shell knows.
    if (!/^(?:$|[\s;&|<>)])/.test(after)) return NO_NAME;
    if (!ASSIGNMENT.test(word)) return nameOf(unquoted(word));
    // Nothing but a variable was set in this command.
    if (!/^[ \t]/.test(after)) return NO_NAME;
    rest = after.replace(/^[ \t]+/, '');
  }
}

function nameOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return NAME.test(name) && name.length <= MAX_NAME_LENGTH ? name : NO_NAME;
}

function unquoted(word: string): string {
  return word.replaceAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g, (_all, single, double, escaped) =>
    String(single ?? double ?? escaped),
  );
}
