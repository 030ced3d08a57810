// ICU's data inside Node: cut down to English and what is not a language, which is a third of what a binary weighs compressed.
//
// The data is one package (ICU's udata.h and ucmndata.h): a header, a table of contents sorted by name, and the items. Items that
// go leave the table and become zeros; all others stay where they are, so nothing in the executable moves.
import { BuildError } from './build-error.ts';

/** `icudt78l/coll/root.res` is `coll/root.res` here. */
export type KeepsItem = (name: string) => boolean;

const MAGIC = Buffer.from([0xda, 0x27]);
/** Of a package, in `UDataInfo.dataFormat`. */
const PACKAGE_FORMAT = Buffer.from('CmnD', 'latin1');
/** From the beginning of the header. */
const MAGIC_AT = 2;
const FORMAT_AT = 12;

const COUNT_BYTES = 4;
const ENTRY_BYTES = 8;

/** Languages that stay; `root` is what all others fall back to, `pool` is the strings that they share. */
const LANGUAGE = /^(?:[a-z]+\/)?(?:root|en|en_001|en_US|en_US_POSIX|en_GB|pool|res_index)\.res$/;
/** Tables of no language: properties, normalization, time zones, currencies, rules of plurals. */
const TABLE =
  /\.(?:icu|nrm|brk)$|^(?:[a-z]+\/)?[a-z]+[A-Z0-9]\w*\.res$|^(?:plurals|units|metadata|icuver|icustd)\.res$/;
/** Tables that nothing of ours asks for: names of characters, line breaks by language, spelled-out numbers, scripts. */
const UNUSED = /^(?:unames\.icu|brkitr\/(?:line_|sent|title|word_POSIX)|(?:rbnf|translit)\/)/;

/** What our programs need: English, and most of what is not a language. */
export function keepsEnglish(name: string): boolean {
  return (LANGUAGE.test(name) || TABLE.test(name)) && !UNUSED.test(name);
}

interface Item {
  readonly name: string;
  readonly nameOffset: number;
  readonly dataOffset: number;
}

/**
 * Cuts the package in `executable` down to the items that `keeps` wants, in place, and returns how many bytes became zeros.
 * @throws BuildError `icu_data_unknown` where there is no package, or one that is not as described above.
 */
export function trimIcuData(executable: Buffer, keeps: KeepsItem): number {
  const header = findPackage(executable);
  const contents = header + executable.readUInt16LE(header);
  const items = readContents(executable, contents);
  const kept = items.filter(({ name }) => keeps(nameInPackage(name)));
  if (kept.length === 0) throw new BuildError('icu_data_unknown', 'none of the items of ICU would stay');
  let removed = 0;
  for (const [index, item] of items.entries()) {
    const next = items[index + 1];
    // Where the last one ends the table does not say, and it stays.
    if (next === undefined || kept.includes(item)) continue;
    executable.fill(0, contents + item.dataOffset, contents + next.dataOffset);
    removed += next.dataOffset - item.dataOffset;
  }
  executable.writeUInt32LE(kept.length, contents);
  for (const [index, { nameOffset, dataOffset }] of kept.entries()) {
    const entry = contents + COUNT_BYTES + index * ENTRY_BYTES;
    executable.writeUInt32LE(nameOffset, entry);
    executable.writeUInt32LE(dataOffset, entry + COUNT_BYTES);
  }
  return removed;
}

function findPackage(executable: Buffer): number {
  for (
    let at = executable.indexOf(PACKAGE_FORMAT);
    at !== -1;
    at = executable.indexOf(PACKAGE_FORMAT, at + 1)
  ) {
    const magic = at - FORMAT_AT + MAGIC_AT;
    if (magic >= 0 && executable.subarray(magic, magic + MAGIC.length).equals(MAGIC)) return at - FORMAT_AT;
  }
  throw new BuildError('icu_data_unknown', 'this Node carries no data of ICU, or in a way that is not known');
}

function readContents(executable: Buffer, contents: number): Item[] {
  const items = Array.from({ length: executable.readUInt32LE(contents) }, (_, index): Item => {
    const entry = contents + COUNT_BYTES + index * ENTRY_BYTES;
    const nameOffset = executable.readUInt32LE(entry);
    const dataOffset = executable.readUInt32LE(entry + COUNT_BYTES);
    const begin = contents + nameOffset;
    return {
      name: executable.toString('latin1', begin, executable.indexOf(0, begin)),
      nameOffset,
      dataOffset,
    };
  });
  const isAscending = items.every(
    ({ dataOffset }, index) => dataOffset > (items[index - 1]?.dataOffset ?? 0),
  );
  if (!isAscending) throw new BuildError('icu_data_unknown', 'the items of ICU are not in their order');
  return items;
}

/** Without the name of the package. */
function nameInPackage(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}
