// A footprint: what of the file system a request looks at or changes, so that requests which cannot notice one another run together.

/** Identifies a file whatever its names and handles: device and inode. */
export type FileKey = string;

export type Footprint =
  /** Touches no file. */
  | { kind: 'nothing' }
  /** Looks at names and attributes anywhere; `cursor` is the handle whose place in a directory it moves on. */
  | { kind: 'look'; cursor: number | undefined }
  /** Reads the content or size of one open file. */
  | { kind: 'read'; file: FileKey }
  /** Writes bytes from `start` to before `end` of one open file. */
  | { kind: 'write'; file: FileKey; start: number; end: number }
  /** May change anything. */
  | { kind: 'change' };

/** A write whose place or extent is not known beforehand: to a file opened for appending, or of a file as a whole. */
export function wholeFile(file: FileKey): Footprint {
  return { kind: 'write', file, start: 0, end: Number.POSITIVE_INFINITY };
}

/**
 * Whether the two requests could tell, or leave a trace of, the order in which they ran. Access times do not count.
 * Requests without conflict may run at once and the outcome is that of a server that does one after the other.
 */
export function conflict(a: Footprint, b: Footprint): boolean {
  if (a.kind === 'nothing' || b.kind === 'nothing') {
    return false;
  }
  if (a.kind === 'change' || b.kind === 'change') {
    return true;
  }
  if (a.kind === 'look' && b.kind === 'look') {
    return a.cursor !== undefined && a.cursor === b.cursor;
  }
  if (a.kind === 'look' || b.kind === 'look') {
    // Sizes and times may be of the file that is written.
    return a.kind === 'write' || b.kind === 'write';
  }
  if (a.file !== b.file) {
    return false;
  }
  if (a.kind === 'write' && b.kind === 'write') {
    return a.start < b.end && b.start < a.end;
  }
  return a.kind === 'write' || b.kind === 'write';
}
