// A file of the CI system that the agent appends to: one that others write too, and that may be anything.
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';

const { O_APPEND, O_CREAT, O_WRONLY, O_RDONLY } = constants;
/** A pipe that nobody reads is a fault at once, and holds up nobody. Windows has no such flag, and no such pipe. */
const O_NONBLOCK = constants.O_NONBLOCK ?? 0;

/** As a shell would make it: its umask says who may read. */
const NEW_FILE_MODE = 0o666;

const LINE_END = 0x0a;

/** Appends `text`, on a line of its own whatever stands before it. Undefined, or what the file system says. Never throws. */
export function appendLines(path: string, text: string): string | undefined {
  try {
    const file = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, NEW_FILE_MODE);
    try {
      const { size } = fstatSync(file);
      writeAll(file, Buffer.from(size > 0 && !endsInLineEnd(path, size) ? `\n${text}` : text));
    } finally {
      closeSync(file);
    }
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

/** True if nobody can say: a file may be there to be written and not to be read. */
function endsInLineEnd(path: string, size: number): boolean {
  try {
    const file = openSync(path, O_RDONLY | O_NONBLOCK);
    try {
      const last = Buffer.alloc(1, LINE_END);
      readSync(file, last, 0, 1, size - 1);
      return last[0] === LINE_END;
    } finally {
      closeSync(file);
    }
  } catch {
    return true;
  }
}

/** A write may take a part only. */
function writeAll(file: number, bytes: Buffer): void {
  for (let sent = 0; sent < bytes.length; ) sent += writeSync(file, bytes, sent);
}
