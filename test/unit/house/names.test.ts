// The names of this house: one name is one thing, and limits are named alike.
import { expect, test } from 'vitest';
import { readHouse } from '../../house/house.ts';
import { findNameFaults } from '../../house/name-faults.ts';
import { parseFile } from '../../house/source-file.ts';

test('no exported name of this repository means two things, and every limit begins with MAX_', () => {
  expect(findNameFaults(readHouse().files)).toEqual([]);
});

test.each([
  'export class Table {}',
  'export interface Table {}',
  'export type Table = 1;',
  'export const Table = 1;',
  'export function Table() {}',
  'class Table {} export { Table };',
])('a name that is exported twice is refused: %s', (text) => {
  const files = [
    parseFile({ path: 'services/a/one.ts', text: 'export class Table {}' }),
    parseFile({ path: 'deploy/two.ts', text }),
  ];
  expect(findNameFaults(files)).toEqual([
    'Table is exported by services/a/one.ts and deploy/two.ts: one name is one thing; say in each name what it is of',
  ]);
});

test('a name that is handed on, or that a test exports, is no second one', () => {
  const files = [
    parseFile({ path: 'services/a/one.ts', text: 'export class Table {}' }),
    parseFile({ path: 'services/a/two.ts', text: "export { Table } from './one.ts';" }),
    parseFile({ path: 'test/support/three.ts', text: 'export class Table {}' }),
  ];
  expect(findNameFaults(files)).toEqual([]);
});

test.each(['LINES_MAX', 'LINE_MAX_BYTES'])(
  'a limit that is named the other way round is refused: %s',
  (name) => {
    expect(findNameFaults([parseFile({ path: 'test/a.ts', text: `const ${name} = 1;` })])).toEqual([
      `test/a.ts declares ${name}: limits begin with MAX_ and end with their unit, as in MAX_LINE_BYTES`,
    ]);
  },
);

test('a maximum with its word in front is good', () => {
  expect(findNameFaults([parseFile({ path: 'test/a.ts', text: 'const MAX_LINE_BYTES = 1;' })])).toEqual([]);
});
