// Text that strangers had a hand in, made fit for a terminal and for a log that machines read too.
//
// What a CI system obeys in a job's output, as its runner reads it:
//   GitHub     `##[name …]` anywhere in a line; `::name …::` at the start of a line, after white space
//   Azure      `##vso[…]` anywhere in a line, `##[…]` at its start
//   TeamCity   `##teamcity[…]`
//   Buildkite  a line that starts with `---`, `+++`, `~~~` or `^^^`; ESC ] 1338 and 1339
//   GitLab     `section_start:…` that ends with CR and ESC [ 0 K; Travis likewise with `travis_fold:…`
// Control characters never pass here, so of all this two pairs are left to break, `##` and `::`, and the starts of lines.

/** Maximum length of a line, in characters: longer text says nothing more. */
export const MAX_PRINTABLE_LENGTH = 300;

/**
 * Control characters (C0, DEL, C1), characters of direction and of no width, separators of lines and paragraphs,
 * halves of surrogate pairs, what Unicode has not assigned, and every space but the plain one.
 */
const UNSEEN = /\p{C}|[^\P{Z} ]|\p{Default_Ignorable_Code_Point}/u;
const ALL_UNSEEN = new RegExp(UNSEEN, 'gu');

/** Of a whole line, in characters: a command that names a relay by its longest URL fits. */
export const MAX_LINE_LENGTH = 4096;

/** With a word of its own: people meet these most often. */
const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Also where it stands at an end of the text: what stands beside it may be the other half of a pair. */
const MARKERS = /(?<=#)#|(?<=:):|^:|:$/g;

/** What Buildkite takes for the head of a group, GitHub for a command and TeamCity for a message. */
const LINE_STARTS = /^(\s*)(---|\+\+\+|~~~|\^\^\^|::)/;

/** RFC 6943 section 3.1.1, the strict form. A page has no `node:net` that would know. */
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
/** Whether it is one, the parser of URLs knows; it forgives line ends and more, so no other character gets there. */
const MAYBE_IPV6 = /^(?=.*:)[\da-fA-F:.]{2,45}$/;

/** A pair of colons, and all around it that may belong to an address. */
const AROUND_COLONS = /[\w.%:-]*::[\w.%:-]*/g;

/**
 * One line of `maxLength` characters or fewer, in which whatever cannot be seen, and whatever a CI system could take for a
 * command, is an escape that can be: `\u{1b}`. An IP address stays as it is. Applied twice it does what it does once.
 */
export function printable(text: string, maxLength = MAX_PRINTABLE_LENGTH): string {
  if (text.length <= maxLength && isPlainAddress(text)) return text;
  // An escape makes a text longer, never shorter: the rest would not be shown.
  const start = text.length > maxLength ? text.slice(0, maxLength + 1) : text;
  return fit(visible(start).replaceAll(MARKERS, escapeOf), maxLength);
}

/** A line that a person or a CI system may read: made by `printableLine`, or of constant text and escaped parts. */
export type PrintableLine = string & { readonly [MADE_PRINTABLE]: true };
declare const MADE_PRINTABLE: unique symbol;

/**
 * A whole line of ours, whatever parts it has: for the last step before it is written. Where a part was forgotten, this
 * catches what it holds; unlike `printable` it lets an address stand inside the line, and cuts at `MAX_LINE_LENGTH` only.
 */
export function printableLine(line: string): PrintableLine {
  const shown = visible(line)
    .replaceAll(/(?<=#)#/g, escapeOf)
    .replaceAll(AROUND_COLONS, addressOrBroken)
    .replace(LINE_STARTS, (_all, space: string, [first = '', ...rest]: string) => {
      return `${space}${escapeOf(first)}${rest.join('')}`;
    });
  return fit(shown, MAX_LINE_LENGTH) as PrintableLine;
}

/** JSON that means the same, with nothing unseen in its strings: `JSON.stringify` leaves most of that as it is. */
export function printableJson(json: string): string {
  if (!UNSEEN.test(json)) return json;
  return json.replaceAll(ALL_UNSEEN, (character) =>
    // Line ends stand between two lines, never inside a string.
    character === '\n'
      ? character
      : character.replaceAll(/[^]/g, (unit) => `\\u${hex(unit.charCodeAt(0)).padStart(4, '0')}`),
  );
}

/** True for an IP address without a zone: a zone may be any text. */
export function isPlainAddress(text: string): boolean {
  if (IPV4.test(text)) return true;
  return MAYBE_IPV6.test(text) && URL.canParse(`http://[${text}]`);
}

function visible(text: string): string {
  return text.replaceAll(ALL_UNSEEN, escapeOf);
}

function escapeOf(character: string): string {
  return SHORT_ESCAPES[character] ?? `\\u{${hex(character.codePointAt(0) ?? 0)}}`;
}

/** "connection from ::1: …": the colon after an address is not part of it. */
function addressOrBroken(word: string): string {
  return isPlainAddress(word) || isPlainAddress(word.replace(/:$/, ''))
    ? word
    : word.replaceAll(/(?<=:):/g, escapeOf);
}

/** Cuts between characters, and before an escape that does not fit. */
function fit(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const cut = text.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, '');
  return `${cut.replace(/\\(u(\{[0-9a-f]*)?)?$/, '')}…`;
}

function hex(code: number): string {
  return code.toString(16);
}
