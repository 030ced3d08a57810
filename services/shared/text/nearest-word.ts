// The nearest word: what somebody may have meant who wrote a word that nobody knows.

/** Words of more changes than one in three characters are not what was meant. */
const CHARACTERS_PER_CHANGE = 3;

/** No word that is longer is compared, in characters: the work grows with the square of the length. */
const MAX_WORD_LENGTH = 64;

/** So many characters of a longer word are enough to mean it. */
const MIN_START_LENGTH = 3;

/** The one of `known` that is most like `word`, or begins with it; undefined if none is like it. Never throws. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_WORD_LENGTH) return undefined;
  const plain = word.toLowerCase().replaceAll('_', '-');
  let nearest: { readonly word: string; readonly changes: number } | undefined;
  for (const candidate of known) {
    const changes = changesBetween(plain, candidate.toLowerCase().replaceAll('_', '-'));
    if (nearest === undefined || changes < nearest.changes) nearest = { word: candidate, changes };
  }
  const most = Math.max(1, Math.floor(word.length / CHARACTERS_PER_CHANGE));
  if (nearest !== undefined && nearest.changes <= most) return nearest.word;
  return word.length < MIN_START_LENGTH ? undefined : known.find((candidate) => candidate.startsWith(plain));
}

/** Characters to put in, take out or replace, until one text is the other (Levenshtein's distance). */
function changesBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, character] of [...from].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (character === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
