// What lies there before a deed: files that are made once for a run and copied for each cell.
import { execFile } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { chmod, link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Fixture } from './deed.ts';

const run = promisify(execFile);

const MIB = 2 ** 20;
const LARGE_BYTES = 20 * MIB + 12_345;
const TREE_FOLDERS = 20;
const TREE_FILES_EACH = 100;
/** 2021-03-04, long before any run. */
const OLD_SECONDS = 1_614_816_000;

/** One byte after the other as they are on the disk: a text would be UTF-8. */
const ODD_NAMES = [
  'two words',
  "it's",
  '"quoted"',
  'back\\slash',
  'new\nline',
  '-leading-dash',
  '*glob?[',
  '$(id)',
  ' blank at both ends ',
  'semi;colon&and',
  'gr\xc3\xbc\xc3\x9fe-\xe6\x97\xa5\xe6\x9c\xac',
  'latin-caf\xe9',
  '#hash',
  '~tilde',
  'a:colon',
];

/** Makes all of them in `folder`. */
export async function makeFixtures(folder: string): Promise<void> {
  for (const make of [makeLarge, makeLinks, makeOdd, makeSmall, makeTree, makeWide]) await make(folder);
  await run('find', [folder, '-exec', 'touch', '-h', '-d', `@${OLD_SECONDS}`, '{}', '+']);
}

/** Copies some of them to `target` with everything that they are. */
export async function copyFixtures(folder: string, names: readonly Fixture[], target: string): Promise<void> {
  if (names.length > 0) await run('cp', ['-a', ...names.map((name) => join(folder, name)), target]);
}

async function makeLarge(folder: string): Promise<void> {
  await writeFile(join(folder, 'large'), randomFillSync(Buffer.alloc(LARGE_BYTES)));
}

/** A mode and a time that nobody gets by chance. */
async function makeSmall(folder: string): Promise<void> {
  const path = join(folder, 'small');
  await writeFile(path, 'a small file\n');
  await chmod(path, 0o751);
}

async function makeTree(folder: string): Promise<void> {
  for (let number = 0; number < TREE_FOLDERS; number++) {
    const inner = join(folder, 'tree', `folder-${number}`);
    await mkdir(inner, { recursive: true });
    for (let file = 0; file < TREE_FILES_EACH; file++)
      await writeFile(join(inner, `file-${file}`), `file ${file} of folder ${number}\n`);
    await chmod(inner, number % 2 === 0 ? 0o750 : 0o705);
  }
}

/** A file of each mode. */
async function makeWide(folder: string): Promise<void> {
  const wide = join(folder, 'wide');
  await mkdir(join(wide, 'empty'), { recursive: true });
  for (const mode of [0o600, 0o644, 0o755, 0o444, 0o4711]) {
    const path = join(wide, `mode-${mode.toString(8)}`);
    await writeFile(path, `mode ${mode}\n`);
    await chmod(path, mode);
  }
  await writeFile(join(wide, 'nothing'), '');
}

async function makeOdd(folder: string): Promise<void> {
  const odd = join(folder, 'odd');
  await mkdir(odd);
  for (const name of ODD_NAMES) {
    const path = Buffer.concat([Buffer.from(`${odd}/`), Buffer.from(name, 'latin1')]);
    await writeFile(path, `the file ${JSON.stringify(name)}\n`);
  }
}

async function makeLinks(folder: string): Promise<void> {
  const links = join(folder, 'links');
  await mkdir(join(links, 'inner'), { recursive: true });
  await writeFile(join(links, 'file'), 'linked\n');
  await symlink('file', join(links, 'to-file'));
  await symlink('inner', join(links, 'to-folder'));
  await symlink('nowhere', join(links, 'dangling'));
  await symlink('../file', join(links, 'inner/up'));
  await link(join(links, 'file'), join(links, 'hard'));
}
