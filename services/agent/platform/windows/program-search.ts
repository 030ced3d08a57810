// The search for a program of Windows in PATH.
import { win32 } from 'node:path';
import { isProgramFile } from './program-file.ts';

/** What is started as it is; scripts of cmd would need a cmd. */
const EXTENSIONS = ['.exe', '.com'];

/**
 * The file of a program by its name or path, with or without `.exe`. Parts of PATH that are no whole paths are left out, and the
 * working directory too, where Windows itself would look first.
 */
export function findWindowsProgram(
  name: string,
  path: string,
  isFile: (path: string) => boolean = isProgramFile,
): string | undefined {
  const hasPlace = name.includes('\\') || name.includes('/');
  const folders = hasPlace ? [''] : path.split(';').filter((folder) => win32.isAbsolute(folder));
  const names = EXTENSIONS.includes(win32.extname(name).toLowerCase())
    ? [name]
    : EXTENSIONS.map((extension) => name + extension);
  return folders
    .flatMap((folder) => names.map((file) => (folder === '' ? file : win32.join(folder, file))))
    .find((candidate) => isFile(candidate));
}
