// The own program: how this process is started again, and by what name people find it.
import { isSea } from 'node:sea';
import { takeLauncherWords } from './launcher-words.ts';

/**
 * The words that start this program again, without arguments. To be called once, before anything else looks at `process.env`.
 * Gives the process the name `title` in `ps` and `pgrep`, where the loader has put its own.
 */
export function claimOwnProgram(title: string): readonly string[] {
  const executable = takeLauncherWords(process.env);
  if (executable !== undefined) process.title = [title, ...process.argv.slice(2)].join(' ');
  if (!isSea()) return [process.execPath, process.argv[1] ?? ''];
  return [executable ?? process.execPath];
}
