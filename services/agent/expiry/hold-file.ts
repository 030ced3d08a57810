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
 * A hold file that was there at the start holds if it is older by no more than this: file systems keep times in steps of up to 2 s
 * (FAT), and `./agent & touch .hold` may come before the program has unpacked itself.
 */
export const LEFTOVER_TOLERANCE_MS = 5_000;

/**
 * A hold file that came or changed after the start holds if its time is before that by no more than this: a file server's clock may
 * be behind. Kerberos, and NFS with it, takes as much (RFC 4120 section 8.2). What is older was unpacked from somewhere.
 */
export const FILE_CLOCK_TOLERANCE_MS = 300_000;

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
 * is to be held. What is older shows in its time alone; but a clock that is wrong must not take a hold from somebody who has just
 * touched the file. So what was there at the first look is judged strictly, and what has changed since is not.
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
        if (this.#seen?.mtimeMs !== mtimeMs) this.#seen = { mtimeMs, reading: this.#judge(mtimeMs) };
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

  #judge(mtimeMs: number): HoldReading {
    const { clock, startedAt, latest } = this.#options;
    const heldAt = clock.now() + (mtimeMs - clock.wallTime());
    const tolerance = this.#isFirst ? LEFTOVER_TOLERANCE_MS : FILE_CLOCK_TOLERANCE_MS;
    if (heldAt < startedAt - tolerance) return { kind: 'ignored', why: 'old' };
    return { kind: 'present', heldAt: Math.min(heldAt, latest) };
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
