// The own program: how this process is started again, by what name people find it, and where its native addons are.
import { isSea } from 'node:sea';
import { type LauncherWords, takeLauncherWords } from './launcher-words.ts';

let words: LauncherWords = { executable: undefined, addons: new Map() };

/** Where the launcher put a native addon; undefined where there was no launcher, or it has none of that name. */
export function unpackedAddon(fileName: string): string | undefined {
  return words.addons.get(fileName);
}

/** The words that start this program again, without arguments; files by their whole path. */
export function ownProgramWords(): readonly string[] {
  if (!isSea()) return [process.execPath, process.argv[1] ?? ''];
  return [words.executable ?? process.execPath];
}

/**
 * Takes the launcher's words out of `env`, before anything else looks at that, and gives the process the name `title` in `ps` and
 * `pgrep`, where the loader has put its own. For `main`.
 */
export function claimOwnProgram(title: string, env: Record<string, string | undefined>): void {
  words = takeLauncherWords(env);
  if (words.executable !== undefined) process.title = [title, ...process.argv.slice(2)].join(' ');
}
