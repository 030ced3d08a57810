// The own program: how this process is started again, by what name people find it, and where its native addons are.
import { isSea } from 'node:sea';
import { type LauncherWords, takeLauncherWords } from './launcher-words.ts';

let words: LauncherWords | undefined;

/** What the launcher left in the environment of this process; at the first call it goes from there. */
export function ownLauncherWords(): LauncherWords {
  words ??= takeLauncherWords(process.env);
  return words;
}

/** The words that start this program again, without arguments; files by their whole path. */
export function ownProgramWords(): readonly string[] {
  if (!isSea()) return [process.execPath, process.argv[1] ?? ''];
  return [ownLauncherWords().executable ?? process.execPath];
}

/**
 * Takes the launcher's words out of `process.env`, before anything else looks at that, and gives the process the name `title` in
 * `ps` and `pgrep`, where the loader has put its own.
 */
export function claimOwnProgram(title: string): void {
  if (ownLauncherWords().executable !== undefined)
    process.title = [title, ...process.argv.slice(2)].join(' ');
}
