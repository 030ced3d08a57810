// The turn: of the programs of one user that want the same sign-on, one at a time asks for it; the others find it kept.
//
// A file that only one can make stands for it. Whoever has the turn touches the file now and then: one that nobody touches any more
// was left behind by a program that was killed. The turn saves questions, it protects nothing: where no file can be made, all go on.
import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import { makePrivateFolder } from './private-folder.ts';

/** How often the file is touched, in milliseconds. */
export const TOUCH_EVERY_MS = 2_000;

/** A file that has not been touched for this long, in milliseconds, was left behind. */
export const LEFT_BEHIND_AFTER_MS = 10_000;

/** How often somebody who waits looks, in milliseconds. */
const LOOK_EVERY_MS = 200;

/** Who waits for longer than this, in milliseconds, hears what for. */
const NOTICE_AFTER_MS = 3_000;

export interface TurnOptions {
  readonly folder: string;
  /** The name of the file. */
  readonly name: string;
  readonly clock: Clock;
  /** Called once, if it takes long. */
  readonly onWait: () => void;
  /** Gives up waiting. */
  readonly signal: AbortSignal;
}

/** Gives the turn back; may be called twice. Never rejects. */
export type EndTurn = () => Promise<void>;

/** Waits for the turn; resolves at once where there can be none, and when `signal` aborts. Never rejects. */
export async function takeTurn(options: TurnOptions): Promise<EndTurn> {
  const { folder, name, clock, onWait, signal } = options;
  const path = join(folder, name);
  const startedAt = clock.now();
  let seen: { readonly mark: string; readonly since: number } | undefined;
  let isNoticed = false;
  for (;;) {
    const file = await makeFile(folder, path);
    // Also for whoever has given up meanwhile: the file is there, and goes when the turn is given back.
    if (typeof file !== 'string') return hold(file, path, clock);
    if (file === 'impossible' || signal.aborted) return () => Promise.resolve();
    const mark = await markOf(path);
    const now = clock.now();
    if (mark === undefined || mark !== seen?.mark)
      seen = mark === undefined ? undefined : { mark, since: now };
    else if (now - seen.since >= LEFT_BEHIND_AFTER_MS) await clear(path, mark);
    if (!isNoticed && now - startedAt >= NOTICE_AFTER_MS) {
      isNoticed = true;
      onWait();
    }
    await pause(clock, LOOK_EVERY_MS, signal);
  }
}

async function makeFile(folder: string, path: string): Promise<FileHandle | 'taken' | 'impossible'> {
  try {
    await makePrivateFolder(folder);
  } catch {
    return 'impossible';
  }
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    return isTaken ? 'taken' : 'impossible';
  }
}

function hold(file: FileHandle, path: string, clock: Clock): EndTurn {
  let cancel: Cancel = () => undefined;
  let touched: Promise<void> = Promise.resolve();
  const touch = (): void => {
    cancel = clock.after(TOUCH_EVERY_MS, () => {
      const time = clock.wallTime() / 1_000;
      touched = file.utimes(time, time).catch(() => undefined);
      touch();
    });
  };
  touch();
  let ended: Promise<void> | undefined;
  return () => {
    cancel();
    ended ??= (async () => {
      await touched;
      try {
        const { ino } = await file.stat();
        await file.close();
        // While this program was stopped, another may have cleared the file and made its own.
        if ((await stat(path)).ino === ino) await rm(path, { force: true });
      } catch {
        // It is gone.
      }
    })();
    return ended;
  };
}

/** Which file it is, and when it was touched last; undefined if it is gone. */
async function markOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeMs } = await stat(path);
    return `${ino} ${mtimeMs}`;
  } catch {
    return undefined;
  }
}

/** Removes the file that has this mark: one that somebody has made in its place meanwhile is put back. */
async function clear(path: string, mark: string): Promise<void> {
  const aside = `${path}.${crypto.randomUUID()}`;
  try {
    await rename(path, aside);
    if ((await markOf(aside)) !== mark) await link(aside, path);
  } catch {
    // Somebody else was faster.
  } finally {
    await rm(aside, { force: true }).catch(() => undefined);
  }
}
