// The state folder: where a user's background agents of this machine are found. It is this user's alone.
import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolders } from '#shared/machine/temporary-folders.ts';

/** Bits of a mode: others may write; and whoever owns a file in a folder is the only one to replace it. */
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
const OTHERS_ANYTHING = 0o077;

/** As user namespaces show whoever has no number in them; there /tmp may be the machine's. */
const NOBODY = 65_534;

/** Who asks, and where folders of that kind are. */
export interface StatePlaces {
  /** Undefined on Windows, where the temporary folder of a user is closed to others. */
  readonly uid: number | undefined;
  /** os.tmpdir(). */
  readonly temporaryDirectory: string;
  /** The last resort. */
  readonly home: string | undefined;
}

/** The folders to try, one after another: `wait` looks where `start` may have put it, whatever TMPDIR is by then. */
export function stateFolders({ uid, temporaryDirectory, home }: StatePlaces): readonly string[] {
  const name = uid === undefined ? 'converge-agents' : `converge-agents-${uid}`;
  const usual = uid === undefined ? [temporaryDirectory] : temporaryFolders(temporaryDirectory);
  return [...usual, ...(home === undefined || home === '' ? [] : [home])].map((parent) => join(parent, name));
}

/** Makes the folder unless it is there. @throws Error unless it is this user's alone */
export function openStateFolder(path: string, uid: number | undefined): void {
  const above = faultAbove(path, uid);
  if (above !== undefined) throw new Error(above);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const fault = faultOf(path, uid);
  if (fault !== undefined) throw new Error(fault);
}

/** Whether there is such a folder that nobody else can have made, or can change. */
export function isStateFolder(path: string, uid: number | undefined): boolean {
  try {
    return faultAbove(path, uid) === undefined && faultOf(path, uid) === undefined;
  } catch {
    // It is not there, or may not be looked at.
    return false;
  }
}

function faultOf(path: string, uid: number | undefined): string | undefined {
  const facts = lstatSync(path);
  if (!facts.isDirectory()) return 'is not a folder';
  if (uid === undefined) return undefined;
  if (facts.uid !== uid) return 'belongs to somebody else';
  return (facts.mode & OTHERS_ANYTHING) === 0 ? undefined : 'others may enter it';
}

/** Why somebody else could put another folder in the place of this one, also between a look at it and its use. */
function faultAbove(path: string, uid: number | undefined): string | undefined {
  if (uid === undefined) return undefined;
  const facts = statSync(dirname(path));
  const isSticky = (facts.mode & STICKY) !== 0;
  const isOfRoot = facts.uid === 0 || (facts.uid === NOBODY && isSticky);
  if (facts.uid !== uid && !isOfRoot) return 'the folder above belongs to somebody else';
  const isOpen = (facts.mode & OTHERS_WRITE) !== 0 && !isSticky;
  return isOpen ? 'others may replace what is in the folder above (no sticky bit)' : undefined;
}
