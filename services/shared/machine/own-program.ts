// The own program: how this process is started again, by what name people find it, and where its native addons are.
import { isSea } from 'node:sea';
import { type LauncherWords, takeLauncherWords } from './launcher-words.ts';

let words: LauncherWords | undefined;

/** Out of the environment at the first question, which is that of `claimOwnProgram`, and kept: later ones find nothing there. */
function launcherWords(): LauncherWords {
  words ??= takeLauncherWords(process.env);
  return words;
}

/** Where the launcher put a native addon; undefined where there was no launcher, or it has none of that name. */
export function unpackedAddon(fileName: string): string | undefined {
  return launcherWords().addons.get(fileName);
}

/** The words that start this program again, without arguments; files by their whole path. */
export function ownProgramWords(): readonly string[] {
  if (!isSea()) return [process.execPath, process.argv[1] ?? ''];
  return [launcherWords().executable ?? process.execPath];
}

/**
 * Takes the launcher's words out of the environment, before anything else looks at that, and gives the process the name `title` in
 * `ps` and `pgrep`, where the loader has put its own. For `main`.
 */
export function claimOwnProgram(title: string): void {
  if (launcherWords().executable !== undefined) process.title = [title, ...process.argv.slice(2)].join(' ');
}
