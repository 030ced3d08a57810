// A private temporary directory that a unix socket and a program can live in.
import { constants } from 'node:fs';
import { access, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { faultText } from '#shared/text/fault-text.ts';
import type { CommandPlace } from '../platform/command-place.ts';

export type PrivateDirectory<Content> =
  | { readonly kind: 'made'; readonly path: string; readonly content: Content }
  /** No directory will do; `detail` says what is wrong with each. */
  | { readonly kind: 'none'; readonly detail: string };

export interface PrivateDirectoryOptions<Content> {
  readonly place: CommandPlace;
  /** Where to try first. */
  readonly preferred: string;
  /** Where to try when no usual place will do: people do not expect such a directory there. */
  readonly lastResorts?: readonly string[];
  /** Puts into it what it is for, and says what that is. Where that throws, as in a full file system, the next place is tried. */
  readonly fill: (directory: string, runs: Runs) => Promise<Content>;
}

/** What may run in a directory: programs; or only links to programs elsewhere (a hardened /tmp is often mounted noexec). */
export type Runs = 'programs' | 'links';

/**
 * Makes a directory of mode 0700, where PATH and sockets take one (see CommandPlace). Its file system has room (the /tmp of a failed
 * job is often full) and runs programs; where none does, it is one that runs links to programs elsewhere. Never throws.
 */
export async function makePrivateDirectory<Content>(
  options: PrivateDirectoryOptions<Content>,
): Promise<PrivateDirectory<Content>> {
  const { place, preferred, lastResorts = [], fill } = options;
  const parents = new Set([preferred, ...place.fallbacks, ...lastResorts]);
  const faults = new Map<string, string>();
  for (const runs of place.takesLinks === true ? (['programs', 'links'] as const) : (['programs'] as const)) {
    for (const parent of parents) {
      const fault = place.unfitness(parent);
      if (fault !== undefined) {
        faults.set(parent, fault);
        continue;
      }
      try {
        return await makeIn(parent, runs, fill);
      } catch (error) {
        faults.set(parent, faultText(error));
      }
    }
  }
  return { kind: 'none', detail: [...faults].map(([parent, fault]) => `${parent}: ${fault}`).join('; ') };
}

/** Writes a program that nobody else may touch, and throws unless all of it is there. */
export async function writeProgram(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o700, flag: 'wx' });
  // Not every file system says that it is full.
  if ((await readFile(path, 'utf8')) !== text) throw new Error(`${path}: what was written is not there`);
}

async function makeIn<Content>(
  parent: string,
  runs: Runs,
  fill: PrivateDirectoryOptions<Content>['fill'],
): Promise<PrivateDirectory<Content>> {
  const directory = await mkdtemp(join(parent, 'converge-'));
  try {
    // mkdtemp says 0700, a default ACL may say otherwise.
    await chmod(directory, 0o700);
    if (runs === 'programs') await tryProgram(join(directory, 'probe'));
    return { kind: 'made', path: directory, content: await fill(directory, runs) };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

async function tryProgram(probe: string): Promise<void> {
  await writeFile(probe, '', { mode: 0o700 });
  // access(2) answers EACCES for a program on a noexec file system, also to root.
  await access(probe, constants.X_OK);
  await rm(probe);
}
