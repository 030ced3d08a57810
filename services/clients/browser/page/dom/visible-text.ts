// Visible text: what strangers wrote, with an escape in place of everything that cannot be seen or turns what is around it.

/** Control characters, those of direction and of no width, separators, halves of pairs, what nobody has assigned. */
const UNSEEN = /\p{C}|[\u2028\u2029]|\p{Default_Ignorable_Code_Point}/gu;

/** `maxCharacters` or fewer; what was left out is a `…`. Line ends and tabs become escapes too. */
export function visibleText(text: string, maxCharacters = 300): string {
  const start = text.slice(0, maxCharacters + 1);
  const shown = start.replaceAll(UNSEEN, (character) => {
    if (character === '\n') return '\\n';
    return character === '\t' ? '\\t' : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
  return shown.length > maxCharacters ? `${shown.slice(0, maxCharacters - 1)}…` : shown;
}
