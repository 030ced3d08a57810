// The list of sources: every TypeScript file that is or is about to be in the repository.
import { execFileSync } from 'node:child_process';

/** Paths from the root, with `/`; what git ignores is not among them. */
export function listSources(root: string): readonly string[] {
  const arguments_ = [
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    '--deduplicate',
    '*.ts',
  ];
  const listed = execFileSync('git', arguments_, { cwd: root, encoding: 'utf8' });
  const gone = execFileSync('git', ['ls-files', '-z', '--deleted', '*.ts'], { cwd: root, encoding: 'utf8' });
  const missing = new Set(gone.split('\0'));
  return listed.split('\0').filter((path) => path !== '' && !missing.has(path));
}
