// The own program: how this process is started again, by what name people find it, and where its native addons are.
import { isSea } from 'node:sea';
import { type LauncherWords, takeLauncherWords } from './launcher-words.ts';

const NO_LAUNCHER: LauncherWords = { executable: undefined, addons: new Map() };

let claimed: LauncherWords | undefined;

/** Where the launcher put a native addon; undefined where there was no launcher, or it has none of that name. */
export function unpackedAddon(fileName: string): string | undefined {
  // ssh2 asks for its ciphers while it is imported, which is before a `main` can claim anything.
  const { addons } = claimed ?? takeLauncherWords({ ...process.env });
  return addons.get(fileName);
}

/** The words that start this program again, without arguments; files by their whole path. */
export function ownProgramWords(): readonly string[] {
  if (!isSea()) return [process.execPath, process.argv[1] ?? ''];
  const { executable } = claimed ?? NO_LAUNCHER;
  return [executable ?? process.execPath];
}

/**
 * Takes the launcher's words out of `env`, before anything else looks at that, and gives the process the name `title` in `ps` and
 * `pgrep`, where the loader has put its own. For `main`.
 */
export function claimOwnProgram(title: string, env: Record<string, string | undefined>): void {
  claimed = takeLauncherWords(env);
  if (claimed.executable !== undefined) process.title = [title, ...process.argv.slice(2)].join(' ');
}
