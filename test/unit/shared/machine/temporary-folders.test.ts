// The temporary folders: those of the launcher, each once.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolders } from '#shared/machine/temporary-folders.ts';
import { ROOT } from '../../../../deploy/build/source-tree.ts';

test('are those that the launcher tries, after the one that is preferred', () => {
  const source = readFileSync(join(ROOT, 'deploy/launcher/folder.c'), 'utf8');
  const list = /fixed\[PARENTS\] = \{([^}]*)\}/.exec(source)?.[1] ?? '';
  const launchers = [...list.matchAll(/"([^"]*)"/g)].map(([, path]) => path);
  expect(temporaryFolders('/some')).toEqual(['/some', ...launchers]);
  expect(temporaryFolders('/tmp')).toEqual(launchers);
});
