// The list of files: what is, or is about to be, in the repository.
import { execFileSync } from 'node:child_process';

/** Paths from the root, with `/`; what git ignores is not among them. @throws Error outside of a clone */
export function listFiles(root: string): readonly string[] {
  const git = (...options: string[]): string[] => {
    try {
      return execFileSync('git', ['ls-files', '-z', ...options], { cwd: root, encoding: 'utf8' }).split('\0');
    } catch (error) {
      throw new Error(`git cannot list the files of ${root}: run this in a clone`, { cause: error });
    }
  };
  const gone = new Set(git('--deleted'));
  return git('--cached', '--others', '--exclude-standard', '--deduplicate').filter(
    (path) => path !== '' && !gone.has(path),
  );
}

/** Of these, every TypeScript file. */
export function listSources(root: string): readonly string[] {
  return listFiles(root).filter((path) => path.endsWith('.ts'));
}
