// A room: a folder whose files are about one thing, and what they may import.

/** Paths are from the root, with `/`, without one at the end. */
export interface Room {
  /** A folder. The files that lie in it belong here. */
  readonly path: string;
  /** Whether the folders below belong here too, unless they are rooms of their own. */
  readonly hasFolders?: true;
  /** What it is for, in a few words that end the sentence "what lies here is …". */
  readonly purpose: string;
  /** The rooms that it may import from. `services/shared/*` stands for every room below. */
  readonly imports: readonly string[];
  /** Packages that have a home here, each with the one file that imports it, or `*` for any file of the room. */
  readonly libraries?: Readonly<Record<string, string>>;
}

/** The room of a file: the folder it lies in, or else the nearest room above that has folders. */
export function roomOf(path: string, rooms: readonly Room[]): Room | undefined {
  const folder = path.slice(0, path.lastIndexOf('/'));
  let nearest: Room | undefined;
  for (const room of rooms) {
    if (room.path === folder) return room;
    const isAbove = room.hasFolders === true && folder.startsWith(`${room.path}/`);
    if (isAbove && room.path.length > (nearest?.path.length ?? 0)) nearest = room;
  }
  return nearest;
}

/** Whether `from` may import files of `to`. A room may always import itself. */
export function isAllowed(from: Room, to: Room): boolean {
  return from.path === to.path || from.imports.some((pattern) => matches(pattern, to.path));
}

/** Whether a pattern of `imports` means this room. */
export function matches(pattern: string, path: string): boolean {
  return pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}
