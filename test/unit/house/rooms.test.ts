// The rooms of this house: the table holds, its page is current, and whoever breaks a rule is told what to do.
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { readHouse } from '../../house/house.ts';
import { type Room, roomOf } from '../../house/room.ts';
import { findImportFaults, findRoomFaults } from '../../house/room-faults.ts';
import { ROOMS } from '../../house/rooms.ts';
import { ROOMS_PAGE, roomsPage } from '../../house/rooms-page.ts';
import { type ParsedFile, parseFile } from '../../house/source-file.ts';

const { files: FILES } = readHouse();
/** A file of each room. */
const INHABITANTS = new Map(FILES.map((each) => [roomOf(each.path, ROOMS)?.path, each]));

/** A house of two rooms, one above the other, and a third that keeps to itself. */
const UPPER: Room = {
  path: 'a/upper',
  purpose: 'above',
  imports: ['a/lower'],
  libraries: { tool: 'home.ts' },
};
const LOWER: Room = { path: 'a/lower', purpose: 'below', imports: [] };
const APART: Room = { path: 'a/upper/apart', purpose: 'apart', imports: [] };
const GOOD = [
  file(
    'a/upper/home.ts',
    "import 'tool'; import { x } from '../lower/x.ts'; import { join } from 'node:path';",
  ),
  file('a/lower/x.ts', 'export const x = 1;'),
  file('a/upper/apart/y.ts', 'export type Y = 1;'),
];

test('every file of this repository keeps to the table', () => {
  expect(findRoomFaults(ROOMS, FILES)).toEqual([]);
});

test('docs/rooms.md is the table (npm run pages writes it)', () => {
  expect(readFileSync(`${ROOT}/${ROOMS_PAGE}`, 'utf8')).toBe(roomsPage(ROOMS));
});

test('a row is one of a kind, and says what its room is for', () => {
  expect(new Set(ROOMS.map(({ path }) => path)).size).toBe(ROOMS.length);
  for (const { path, purpose } of ROOMS) expect(purpose, path).toMatch(/^\S.{10,}[^.]$/);
});

test('a good house has no faults', () => {
  expect(findRoomFaults([UPPER, LOWER, APART], GOOD)).toEqual([]);
});

test.each([
  ['a value', "import { home } from '../upper/home.ts';"],
  ['a type', "import type { Home } from '../upper/home.ts';"],
  ['a type among values', "import { type Home } from '../upper/home.ts';"],
  ['for what it does', "import '../upper/home.ts';"],
  ['to hand it on', "export { home } from '../upper/home.ts';"],
  ['to hand on all of it', "export * from '../upper/home.ts';"],
  ['when it runs', "const home = await import('../upper/home.ts');"],
  ['inside a type', "type Home = import('../upper/home.ts').Home;"],
  ['the type of all of it', "type Home = typeof import('../upper/home.ts');"],
  ['in a function', "export function f() { return import('../upper/home.ts'); }"],
])('an import against the table is refused: %s', (_kind, text) => {
  const faults = findRoomFaults([UPPER, LOWER, APART], [...GOOD, file('a/lower/z.ts', text)]);
  expect(faults).toEqual([
    'a/lower/z.ts imports a/upper/home.ts: a/lower may not import a/upper; ' +
      'move what is needed to where both may look, or change the row of a/lower in test/house/test-rooms.ts',
  ]);
});

test('a folder inside a room is a room of its own: neither may look into the other unasked', () => {
  const faults = findRoomFaults(
    [UPPER, LOWER, APART],
    [...GOOD, file('a/upper/w.ts', "import type { Y } from './apart/y.ts';")],
  );
  expect(faults).toEqual([expect.stringContaining('a/upper may not import a/upper/apart')]);
});

test('a new folder in a room is refused, unless the room has folders', () => {
  const files = [...GOOD, file('a/lower/new/z.ts', "import '../x.ts';")];
  expect(findRoomFaults([UPPER, LOWER, APART], files)).toEqual([
    expect.stringContaining('a/lower/new/z.ts lies in no room'),
  ]);
  expect(findRoomFaults([UPPER, { ...LOWER, hasFolders: true }, APART], files)).toEqual([]);
});

test('a file in no room is refused', () => {
  expect(findRoomFaults([UPPER, LOWER, APART], [...GOOD, file('b/new.ts', '')])).toEqual([
    'b/new.ts lies in no room: move it into one of test/house/test-rooms.ts, or write a row for its folder there',
  ]);
});

test('a package is imported at its home alone', () => {
  const plants = [
    file('a/upper/other.ts', "import type { Tool } from 'tool/part';"),
    file('a/lower/z.ts', "import '@some/thing/inside';"),
  ];
  expect(findRoomFaults([UPPER, LOWER, APART], [...GOOD, ...plants])).toEqual([
    'a/upper/other.ts imports the package tool: its home is a/upper/home.ts; go through that, or give it a home in test/house/test-rooms.ts',
    'a/lower/z.ts imports the package @some/thing: it has no home yet; go through that, or give it a home in test/house/test-rooms.ts',
  ]);
});

test('an import of a file that is not there is refused', () => {
  expect(
    findRoomFaults([UPPER, LOWER, APART], [...GOOD, file('a/lower/z.ts', "import './gone.ts';")]),
  ).toEqual(['a/lower/z.ts imports ./gone.ts, which is no source file of this repository']);
});

test('a row that is no longer true is refused', () => {
  const rooms = [
    { ...UPPER, libraries: { ...UPPER.libraries, gone: '*' } },
    { ...LOWER, imports: ['a/upper/apart'] },
    APART,
    { path: 'a/empty', purpose: 'nothing', imports: [] },
  ];
  expect(findRoomFaults(rooms, GOOD)).toEqual([
    'a/upper is a home of gone, and no file of it imports that: delete that in test/house/test-rooms.ts',
    'a/lower may import a/upper/apart and does not: delete that in test/house/test-rooms.ts',
    'a/empty holds no file: delete its row in test/house/test-rooms.ts',
  ]);
});

test('rooms in a circle are refused', () => {
  const rooms = [UPPER, { ...LOWER, imports: ['a/upper'] }, APART];
  const files = [...GOOD, file('a/lower/z.ts', "import '../upper/home.ts';")];
  expect(findRoomFaults(rooms, files)).toEqual([
    'rooms import one another in a circle: a/upper -> a/lower -> a/upper; decide which is below, and mend test/house/test-rooms.ts',
  ]);
});

test('in every room of this repository, an import of every room that its row does not name is refused', () => {
  // Read from the rows here once more: asked of what is tested, the rooms to leave out would be its own mistakes.
  const plants = ROOMS.flatMap((from) => {
    const named = new Set([from.path, ...from.imports.flatMap(roomsNamedBy)]);
    return ROOMS.filter(({ path }) => !named.has(path)).map((to) => plantedImport(from, to));
  });
  expect(plants.length).toBeGreaterThan(1_000);
  const missed = plants.filter(({ planted, target }) => {
    const faults = findImportFaults(ROOMS, [planted, { ...target, imports: [] }]);
    return faults.length !== 1 || !faults[0]?.startsWith(`${planted.path} imports ${target.path}: `);
  });
  expect(missed).toEqual([]);
});

function roomsNamedBy(pattern: string): readonly string[] {
  if (!pattern.endsWith('*')) return [pattern];
  return ROOMS.map(({ path }) => path).filter((path) => path.startsWith(pattern.slice(0, -1)));
}

function plantedImport(from: Room, to: Room): { readonly planted: ParsedFile; readonly target: ParsedFile } {
  const target = INHABITANTS.get(to.path) ?? file(`${to.path}/any.ts`, '');
  const written = posix.relative(from.path, target.path);
  const text = `import type {} from '${written.startsWith('.') ? written : `./${written}`}';`;
  return { planted: file(`${from.path}/planted.ts`, text), target };
}

function file(path: string, text: string): ParsedFile {
  return parseFile({ path, text });
}
