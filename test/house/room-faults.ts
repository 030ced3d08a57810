// Room faults: which files lie in no room, and which imports the table of rooms does not allow.
import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { isAllowed, matches, type Room, roomOf } from './room.ts';
import type { ParsedFile } from './source-file.ts';

/** By the folder under services/. */
const PROGRAM_TABLES: Readonly<Record<string, string>> = {
  agent: 'agent-rooms.ts',
  clients: 'client-rooms.ts',
  relay: 'relay-rooms.ts',
  shared: 'shared-rooms.ts',
};

/** The file of the table that has, or would have, the row of this path. */
function tableOf(path: string): string {
  const [, program = ''] = /^services\/([^/]+)/.exec(path) ?? [];
  return `test/house/${PROGRAM_TABLES[program] ?? 'test-rooms.ts'}`;
}

/** Files that are no sources and may be imported by everybody. */
const DATA_FILES: ReadonlySet<string> = new Set(['package.json']);

/** Every fault as a sentence that says what to do. Files of the root itself (`vitest.config.ts`) have no room. */
export function findRoomFaults(rooms: readonly Room[], files: readonly ParsedFile[]): readonly string[] {
  return [
    ...findImportFaults(rooms, files),
    ...rooms.flatMap((room) => faultsOfRow(room, rooms, files)),
    ...faultsOfCycles(rooms),
  ];
}

/** The faults of these files alone: where each lies and what it imports. */
export function findImportFaults(rooms: readonly Room[], files: readonly ParsedFile[]): readonly string[] {
  const paths = new Set(files.map(({ path }) => path));
  return files.flatMap((file) => faultsOfFile(file, rooms, paths));
}

function faultsOfFile(
  file: ParsedFile,
  rooms: readonly Room[],
  paths: ReadonlySet<string>,
): readonly string[] {
  if (!file.path.includes('/')) return [];
  const room = roomOf(file.path, rooms);
  if (room === undefined)
    return [
      `${file.path} lies in no room: move it into one of ${tableOf(file.path)}, or write a row for its folder there`,
    ];
  return file.imports.flatMap((written) => {
    const target = targetOf(written, file.path);
    if (target.kind === 'package') return faultOfPackage(target.name, file, room, rooms);
    if (DATA_FILES.has(target.path)) return [];
    if (!paths.has(target.path))
      return [`${file.path} imports ${written}, which is no source file of this repository`];
    const other = roomOf(target.path, rooms);
    if (other === undefined || isAllowed(room, other)) return [];
    return [
      `${file.path} imports ${target.path}: ${room.path} may not import ${other.path}; ` +
        `move what is needed to where both may look, or change the row of ${room.path} in ${tableOf(room.path)}`,
    ];
  });
}

function faultOfPackage(
  name: string,
  file: ParsedFile,
  room: Room,
  rooms: readonly Room[],
): readonly string[] {
  if (isBuiltIn(name)) return [];
  const home = room.libraries?.[name];
  if (home === '*' || (home !== undefined && file.path === `${room.path}/${home}`)) return [];
  const [top] = file.path.split('/', 1);
  const homes = rooms.flatMap(({ path, libraries }) => {
    const at = libraries?.[name];
    return at === undefined || !path.startsWith(`${top}/`) ? [] : [at === '*' ? path : `${path}/${at}`];
  });
  const where = homes.length === 0 ? 'it has no home yet' : `its home is ${homes.join(', ')}`;
  return [
    `${file.path} imports the package ${name}: ${where}; go through that, or give it a home in ${tableOf(file.path)}`,
  ];
}

/** A row that says what is no longer so misleads whoever reads it. */
function faultsOfRow(room: Room, rooms: readonly Room[], files: readonly ParsedFile[]): readonly string[] {
  const own = files.filter(({ path }) => roomOf(path, rooms) === room);
  if (own.length === 0) return [`${room.path} holds no file: delete its row in ${tableOf(room.path)}`];
  const targets = own.flatMap(({ path, imports }) => imports.map((written) => targetOf(written, path)));
  const used = targets.flatMap((target) =>
    target.kind === 'file' ? (roomOf(target.path, rooms)?.path ?? []) : [],
  );
  const packages = new Set(targets.flatMap((target) => (target.kind === 'package' ? target.name : [])));
  return [
    ...room.imports
      .filter((pattern) => !used.some((path) => matches(pattern, path)))
      .map(
        (pattern) => `${room.path} may import ${pattern} and does not: delete that in ${tableOf(room.path)}`,
      ),
    ...Object.keys(room.libraries ?? {})
      .filter((name) => !packages.has(name))
      .map(
        (name) =>
          `${room.path} is a home of ${name}, and no file of it imports that: delete that in ${tableOf(room.path)}`,
      ),
  ];
}

/** Rooms that import one another cannot be read one after the other. */
function faultsOfCycles(rooms: readonly Room[]): readonly string[] {
  const done = new Set<Room>();
  const faults: string[] = [];
  const follow = (room: Room, way: readonly Room[]): void => {
    const begin = way.indexOf(room);
    if (begin !== -1) {
      const circle = [...way.slice(begin), room].map(({ path }) => path).join(' -> ');
      faults.push(
        `rooms import one another in a circle: ${circle}; decide which is below, and mend ${tableOf(room.path)}`,
      );
      return;
    }
    if (done.has(room)) return;
    for (const next of rooms) if (next !== room && isAllowed(room, next)) follow(next, [...way, room]);
    done.add(room);
  };
  for (const room of rooms) follow(room, []);
  return faults;
}

type Target =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'package'; readonly name: string };

function targetOf(written: string, from: string): Target {
  if (written.startsWith('.'))
    return { kind: 'file', path: posix.normalize(posix.join(posix.dirname(from), written)) };
  if (written.startsWith('#shared/'))
    return { kind: 'file', path: `services/shared/${written.slice('#shared/'.length)}` };
  const parts = written.split('/');
  return { kind: 'package', name: parts.slice(0, written.startsWith('@') ? 2 : 1).join('/') };
}

function isBuiltIn(name: string): boolean {
  return name.startsWith('node:') || builtinModules.includes(name);
}
