// The kept program: a copy of the agent's own program in the state folder, since a script may remove the one that it started.
import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  createReadStream,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { faultText } from '#shared/text/fault-text.ts';
import { openStateFolder } from './state-folder.ts';

const PREFIX = 'program-';
/** Of the SHA-256 of a program, in hex digits. */
const DIGEST_DIGITS = 16;

export type KeptProgram =
  | { readonly kind: 'kept'; readonly words: readonly string[] }
  /** `words` are those that were given; `detail` says why there is no copy. */
  | { readonly kind: 'as_it_is'; readonly words: readonly string[]; readonly detail: string };

/**
 * The words that start `program`, from a copy in the first of `states` where programs may run. One copy serves all agents of a
 * version. Several words are no file of ours: they stay. Never throws.
 */
export async function keepProgram(
  program: readonly string[],
  states: readonly string[],
  uid: number | undefined,
  fileName: string,
): Promise<KeptProgram> {
  const [file, ...more] = program;
  if (file === undefined || more.length > 0) return { kind: 'kept', words: program };
  if (basename(dirname(file)).startsWith(PREFIX) && states.includes(dirname(dirname(file)))) {
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
        if (!isCopy(copy, file)) await copyTo(copy, file, digest);
        accessSync(copy, constants.X_OK);
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

/** Whole from the start: it gets its name when it is. */
function isCopy(copy: string, file: string): boolean {
  const there = statSync(copy, { throwIfNoEntry: false });
  return there?.isFile() === true && there.size === statSync(file).size;
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
