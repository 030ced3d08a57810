// Built programs: which test files run what `npm run build` makes, and so need it up to date.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ROOT } from '../../deploy/build/source-tree.ts';

/** Whether a test file (its absolute path), or what it imports from test/, looks into dist/. */
export function runsWhatWasBuilt(file: string, seen = new Set<string>()): boolean {
  if (seen.has(file) || relative(join(ROOT, 'test'), file).startsWith('..')) return false;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  if (/\b(?:DIST|WORKSHOP)\b/.test(text)) return true;
  return [...text.matchAll(/ from '(\.[^']+)'/g)].some(([, path = '']) =>
    runsWhatWasBuilt(join(dirname(file), path), seen),
  );
}
