// The hold file: `.hold` in the agent's working directory. While it exists the agent outlives its clients.
import { open, rmdir, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#shared/time/clock.ts';
import type { HoldReading } from './expiry.ts';

/** What people `touch` and `rm`. */
export const HOLD_FILE_NAME = '.hold';

/** What is at the place of the hold file. */
export type HoldFile =
  /** Wall times, in milliseconds since the Unix epoch: its own, which anybody may set, and that of the last change, which is the system's. */
  | { readonly kind: 'present'; readonly mtimeMs: number; readonly changedMs: number }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly code: string };

/** Where the hold file of an agent that works in `directory` is. */
export function holdFilePath(directory: string): string {
  return join(directory, HOLD_FILE_NAME);
}

/** Looks at the hold file. Anything of that name counts, a directory too. Never throws. */
export async function readHoldFile(path: string): Promise<HoldFile> {
  try {
    const { mtimeMs, ctimeMs } = await stat(path);
    // Whole milliseconds, as the clock's.
    return { kind: 'present', mtimeMs: Math.round(mtimeMs), changedMs: Math.round(ctimeMs) };
  } catch (error) {
    const code = errnoOf(error);
    // ENOTDIR: a parent was replaced by a file. Either way nothing of that name is there any more.
    return code === 'ENOENT' || code === 'ENOTDIR' ? { kind: 'gone' } : { kind: 'unreadable', code };
  }
}

/**
 * Times of files are as good as this, in milliseconds: file systems keep them in steps of up to 2 s (FAT), and `./agent & touch .hold`
 * may come before the program has unpacked itself.
 */
export const FILE_TIME_TOLERANCE_MS = 5_000;

export interface HoldSightOptions {
  readonly clock: Clock;
  /** Of the agent, on the Clock: an older file holds nothing. */
  readonly startedAt: number;
  /** No hold reaches further, on the Clock. */
  readonly latest: number;
}

/**
 * Turns what is read of a hold file into times on the Clock. It asks the machine's clock once for each mtime, when it first
 * sees it, so setting that clock later moves no deadline. Only a step between the `touch` and the next look counts.
 *
 * A file that is older than the agent is a leftover, of an earlier run or of the repository, and nobody means by it that this job
 * is to be held. Only its time shows that; but the clock of a file server may be behind ours. So what was there at the first look is
 * judged by its time alone. What comes later and looks old all the same has been touched just now if it was changed at the time that
 * it bears, by whatever clock; else it was unpacked from somewhere.
 */
export class HoldSight {
  readonly #options: HoldSightOptions;
  #isFirst = true;
  #seen: { readonly mtimeMs: number; readonly reading: HoldReading } | undefined;

  constructor(options: HoldSightOptions) {
    this.#options = options;
  }

  /** To be given every reading, in order. */
  readingOf(file: HoldFile): HoldReading {
    switch (file.kind) {
      case 'unreadable':
        return file;
      case 'gone':
        this.#isFirst = false;
        this.#seen = undefined;
        return file;
      case 'present': {
        const { mtimeMs } = file;
        if (this.#seen?.mtimeMs !== mtimeMs) this.#seen = { mtimeMs, reading: this.#judge(file) };
        this.#isFirst = false;
        return this.#seen.reading;
      }
    }
  }

  /** It is let go, and stays where it is: as it is now it holds no more. */
  disregard(): void {
    if (this.#seen !== undefined)
      this.#seen = { ...this.#seen, reading: { kind: 'ignored', why: 'released' } };
  }

  /** The agent itself has written it: whatever was seen before says nothing of it. */
  forget(): void {
    this.#isFirst = false;
    this.#seen = undefined;
  }

  #judge({ mtimeMs, changedMs }: HoldFile & { kind: 'present' }): HoldReading {
    const { clock, startedAt, latest } = this.#options;
    const now = clock.now();
    const heldAt = now + (mtimeMs - clock.wallTime());
    if (heldAt >= startedAt - FILE_TIME_TOLERANCE_MS)
      return { kind: 'present', heldAt: Math.min(heldAt, latest) };
    const wasTouched = Math.abs(changedMs - mtimeMs) <= FILE_TIME_TOLERANCE_MS;
    return wasTouched && !this.#isFirst ? { kind: 'present', heldAt: now } : { kind: 'ignored', why: 'old' };
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

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}
