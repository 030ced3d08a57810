// The door of deploy/ci: the shell lines that all its files have, from the one place where they are written. Run directly, this file writes them.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../source-tree.ts';

const CI_FOLDER = join(ROOT, 'deploy/ci');

/** Where the lines are written. */
const DOOR_FILE = join(CI_FOLDER, 'door.sh');

/** The lines as they are in a file: from their first to their last, each as far to the right as the first. */
const DOOR = /^( *)# The door of Converge: .*\n(?:\1.*\n)*?\1trap 'converge_end "\$\?"' EXIT$/gm;

/** `text` with the lines as `door` has them, wherever it has any. */
export function replaceDoor(text: string, door: string): string {
  return text.replaceAll(DOOR, (_, indent: string) => door.trimEnd().replaceAll(/^/gm, indent));
}

/** The files that have the lines: path, what is there, and what should be. */
export function readDoors(): readonly DoorFile[] {
  const door = readFileSync(DOOR_FILE, 'utf8');
  return readdirSync(CI_FOLDER, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || path === DOOR_FILE) return [];
    const text = readFileSync(path, 'utf8');
    return text.search(DOOR) === -1 ? [] : [{ path, text, wanted: replaceDoor(text, door) }];
  });
}

export interface DoorFile {
  readonly path: string;
  readonly text: string;
  readonly wanted: string;
}

if (import.meta.main) for (const { path, wanted } of readDoors()) writeFileSync(path, wanted);
