// The file of a program of Windows: whether there is one.
import { statSync } from 'node:fs';

/** False also where Windows does not say, as in a folder of PATH that is closed to this user. Never throws. */
export function isProgramFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}
