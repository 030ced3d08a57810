// The kept program: a copy of the agent's own program in the state folder, since a script may remove the one that it started.
import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  createReadStream,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { faultText } from '#shared/text/fault-text.ts';
import { MAX_DURATION_MS } from '#shared/time/duration.ts';
import { openStateFolder } from './state-folder.ts';

const PREFIX = 'program-';
/** Of the SHA-256 of a program, in hex digits. */
const DIGEST_DIGITS = 16;
/** As `keepProgram` names them. */
const FOLDER_NAME = new RegExp(`^${PREFIX}[0-9a-f]{${DIGEST_DIGITS}}$`);

/** A copy that no start has used for so long goes, in milliseconds: longer than any agent lives. */
export const PROGRAM_KEPT_MS = MAX_DURATION_MS + 86_400_000;

export type KeptProgram =
  | { readonly kind: 'kept'; readonly words: readonly string[] }
  /** `words` are those that were given; `detail` says why there is no copy. */
  | { readonly kind: 'as_it_is'; readonly words: readonly string[]; readonly detail: string };

/**
 * The words that start `program`, from a copy in the first of `states` where programs may run. One copy serves all agents of a
 * version, used at `now` (milliseconds since the epoch). Several words are no file of ours: they stay. Never throws.
 */
export async function keepProgram(
  program: readonly string[],
  states: readonly string[],
  uid: number | undefined,
  fileName: string,
  now: number,
): Promise<KeptProgram> {
  const [file, ...more] = program;
  if (file === undefined || more.length > 0) return { kind: 'kept', words: program };
  if (FOLDER_NAME.test(basename(dirname(file))) && states.includes(dirname(dirname(file)))) {
    markUsed(dirname(file), now);
    return { kind: 'kept', words: program };
  }
  const faults: string[] = [];
  try {
    const digest = await digestOf(file);
    for (const state of states) {
      const folder = join(state, `${PREFIX}${digest}`);
      try {
        openStateFolder(state, uid);
      } catch (error) {
        faults.push(`${state}: ${faultText(error)}`);
        continue;
      }
      try {
        const copy = join(folder, fileName);
        mkdirSync(folder, { mode: 0o700, recursive: true });
        if (!(await isCopy(copy, digest))) await copyTo(copy, file, digest);
        accessSync(copy, constants.X_OK);
        markUsed(folder, now);
        return { kind: 'kept', words: [copy] };
      } catch (error) {
        rmSync(folder, { recursive: true, force: true });
        faults.push(`${state}: ${faultText(error)}`);
      }
    }
  } catch (error) {
    faults.push(faultText(error));
  }
  return { kind: 'as_it_is', words: program, detail: faults.join('; ') };
}

/** Removes the copies in a state folder that no start has used since PROGRAM_KEPT_MS before `now`. Never throws. */
export function tidyPrograms(state: string, now: number): void {
  try {
    for (const name of readdirSync(state).filter((entry) => FOLDER_NAME.test(entry))) {
      const folder = join(state, name);
      if (now - statSync(folder).mtimeMs >= PROGRAM_KEPT_MS) rmSync(folder, { recursive: true, force: true });
    }
  } catch {
    // Another start tidies as well, or the file system does not want it: no matter of this one.
  }
}

function markUsed(folder: string, now: number): void {
  try {
    utimesSync(folder, now / 1_000, now / 1_000);
  } catch {
    // It stays for as long as its last copy says.
  }
}

/** Not by its size alone: what an earlier job of this user did to it would run with the secrets of this one. */
async function isCopy(copy: string, digest: string): Promise<boolean> {
  const there = lstatSync(copy, { throwIfNoEntry: false });
  return there?.isFile() === true && (await digestOf(copy)) === digest;
}

async function copyTo(copy: string, file: string, digest: string): Promise<void> {
  const part = `${copy}.${randomBytes(6).toString('hex')}`;
  try {
    copyFileSync(file, part, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    chmodSync(part, 0o700);
    // Not every file system says that it is full.
    if ((await digestOf(part)) !== digest) throw new Error('what was copied is not there');
    renameSync(part, copy);
  } finally {
    rmSync(part, { force: true });
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex').slice(0, DIGEST_DIGITS);
}
