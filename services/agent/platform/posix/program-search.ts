// The search for a program in PATH.
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** The first of that name that can be run, as a shell finds it; empty parts of PATH, which mean the working directory, are left out. */
export function findProgram(name: string, path: string): string | undefined {
  const candidates = path.split(':').flatMap((folder) => (folder === '' ? [] : [join(folder, name)]));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}
