// ICU's data: what is cut out of a package, and that nothing else moves.
import { expect, test } from 'vitest';
import { keepsEnglish, trimIcuData } from '../../../deploy/build/icu-data.ts';

const NAMES = ['brkitr/thaidict.dict', 'coll/root.res', 'de.res', 'en.res', 'zone/fr.res', 'zoneinfo64.res'];
const HEADER_BYTES = 32;
/** Of each item, and of what stands before and behind the package. */
const ITEM_BYTES = 48;

/** A package within other bytes, as its documentation has it: header, table of contents, names, items. */
function packageOf(names: readonly string[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16LE(HEADER_BYTES, 0);
  header.set([0xda, 0x27], 2);
  header.write('CmnD', 12, 'latin1');
  const table = Buffer.alloc(4 + 8 * names.length);
  table.writeUInt32LE(names.length);
  const texts = names.map((name) => Buffer.from(`icudt99l/${name}\0`, 'latin1'));
  const textsLength = texts.reduce((sum, text) => sum + text.length, 0);
  let nameAt = table.length;
  for (const [index, text] of texts.entries()) {
    table.writeUInt32LE(nameAt, 4 + 8 * index);
    table.writeUInt32LE(table.length + textsLength + ITEM_BYTES * index, 8 + 8 * index);
    nameAt += text.length;
  }
  const items = names.map((_, index) => Buffer.alloc(ITEM_BYTES, index + 1));
  const around = Buffer.alloc(ITEM_BYTES, 0xee);
  // A word that is no package comes first.
  return Buffer.concat([
    Buffer.from('CmnD and more of it'),
    around,
    header,
    table,
    ...texts,
    ...items,
    around,
  ]);
}

/** What is in the package, by name: the byte that its item consists of. */
function contentsOf(bytes: Buffer): Record<string, number | undefined> {
  const begin = bytes.lastIndexOf('CmnD') - 12 + HEADER_BYTES;
  return Object.fromEntries(
    Array.from({ length: bytes.readUInt32LE(begin) }, (_, index) => {
      const name = begin + bytes.readUInt32LE(begin + 4 + 8 * index);
      const at = begin + bytes.readUInt32LE(begin + 8 + 8 * index);
      return [bytes.toString('latin1', name, bytes.indexOf(0, name)), bytes[at]];
    }),
  );
}

test('items that go leave the table and become zeros; the others are where they were', () => {
  const bytes = packageOf(NAMES);
  const before = Buffer.from(bytes);
  expect(trimIcuData(bytes, (name) => name === 'en.res' || name === 'coll/root.res')).toBe(3 * ITEM_BYTES);
  expect(contentsOf(bytes)).toEqual({ 'icudt99l/coll/root.res': 2, 'icudt99l/en.res': 4 });
  for (const [index, name] of NAMES.entries()) {
    const at = before.indexOf(Buffer.alloc(ITEM_BYTES, index + 1));
    const item = bytes.subarray(at, at + ITEM_BYTES);
    // Where the last one ends the table does not say: it stays, and nobody finds it.
    const stays = ['coll/root.res', 'en.res', 'zoneinfo64.res'].includes(name);
    expect([name, item.equals(Buffer.alloc(ITEM_BYTES, stays ? index + 1 : 0))]).toEqual([name, true]);
  }
  expect(bytes.subarray(0, 60).equals(before.subarray(0, 60))).toBe(true);
  expect(bytes.subarray(-ITEM_BYTES).equals(before.subarray(-ITEM_BYTES))).toBe(true);
});

test('English and what is no language stays', () => {
  expect(NAMES.filter(keepsEnglish)).toEqual(['coll/root.res', 'en.res', 'zoneinfo64.res']);
});

test.each<[string, (bytes: Buffer) => Buffer, RegExp]>([
  ['no package', () => Buffer.from('CmnD is a word'), /carries no data of ICU/],
  [
    'another magic',
    (bytes) => (bytes.set([0xdb], bytes.lastIndexOf('CmnD') - 10), bytes),
    /carries no data of ICU/,
  ],
  [
    'items in another order',
    (bytes) => (bytes.writeUInt32LE(1, bytes.lastIndexOf('CmnD') - 12 + HEADER_BYTES + 8 + 8), bytes),
    /not in their order/,
  ],
])('%s is a fault of the build', (_, change, fault) => {
  expect(() => trimIcuData(change(packageOf(NAMES)), keepsEnglish)).toThrow(fault);
});

test('nothing that would stay is a fault of the build', () => {
  expect(() => trimIcuData(packageOf(NAMES), () => false)).toThrow(/none of the items/);
});
