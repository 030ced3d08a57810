// The hold file: `.hold` in the agent's working directory. While it exists the agent outlives its clients.
import { open, rmdir, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#shared/time/clock.ts';
import type { HoldReading } from './expiry.ts';

/** What people `touch` and `rm`. */
export const HOLD_FILE_NAME = '.hold';

/** What is at the place of the hold file. */
export type HoldFile =
  /** `mtimeMs` is a wall time: milliseconds since the Unix epoch. */
  | { readonly kind: 'present'; readonly mtimeMs: number }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly code: string };

/** Where the hold file of an agent that works in `directory` is. */
export function holdFilePath(directory: string): string {
  return join(directory, HOLD_FILE_NAME);
}

/** Looks at the hold file. Anything of that name counts, a directory too. Never throws. */
export async function readHoldFile(path: string): Promise<HoldFile> {
  try {
    const { mtimeMs } = await stat(path);
    // Whole milliseconds, as the clock's.
    return { kind: 'present', mtimeMs: Math.round(mtimeMs) };
  } catch (error) {
    const code = errnoOf(error);
    // ENOTDIR: a parent was replaced by a file. Either way nothing of that name is there any more.
    return code === 'ENOENT' || code === 'ENOTDIR' ? { kind: 'gone' } : { kind: 'unreadable', code };
  }
}

/**
 * Turns what is read of a hold file into times on the Clock. It asks the machine's clock once for each mtime, when it first
 * sees it, so setting that clock later moves no deadline. Only a step between the `touch` and the next look counts.
 */
export class HoldSight {
  readonly #clock: Clock;
  /** No hold reaches further, on the Clock. */
  readonly #latest: number;
  #seen: { readonly mtimeMs: number; readonly heldAt: number } | undefined;

  constructor(clock: Clock, latest: number) {
    this.#clock = clock;
    this.#latest = latest;
  }

  /** To be given every reading, in order. */
  readingOf(file: HoldFile): HoldReading {
    switch (file.kind) {
      case 'unreadable':
        return file;
      case 'gone':
        this.#seen = undefined;
        return file;
      case 'present': {
        const { mtimeMs } = file;
        if (this.#seen?.mtimeMs !== mtimeMs) this.#seen = { mtimeMs, heldAt: this.#momentOf(mtimeMs) };
        return { kind: 'present', heldAt: this.#seen.heldAt };
      }
    }
  }

  #momentOf(mtimeMs: number): number {
    const now = this.#clock.now();
    const heldAt = now + (mtimeMs - this.#clock.wallTime());
    return Math.min(heldAt, this.#latest);
  }
}

/**
 * Makes the hold file, or moves its time to `mtimeMs`, which may lie in the future.
 * Throws what the file system says.
 */
export async function writeHoldFile(path: string, mtimeMs: number): Promise<void> {
  if ((await readHoldFile(path)).kind === 'gone') {
    // 'a' never empties a file that somebody made in between.
    const file = await open(path, 'a');
    await file.close();
  }
  const seconds = mtimeMs / 1_000;
  await utimes(path, seconds, seconds);
}

/** Removes the hold file. Resolves to false if there was none; throws what the file system says. */
export async function removeHoldFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    // Somebody held with `mkdir .hold`; one with content is theirs to remove.
    if (code !== 'EISDIR' && code !== 'EPERM') throw error;
    await rmdir(path);
    return true;
  }
}

/** The mtime that makes the deadline `durationMs` from `wallTime`, given the agent's timeout. */
export function mtimeForHold(durationMs: number, timeoutMs: number, wallTime: number): number {
  return wallTime + durationMs - timeoutMs;
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}
