// The decisions: numbered without gaps, each with its four parts, and each in the list.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../../deploy/build/source-tree.ts';

const FOLDER = join(ROOT, 'docs/decisions');
const files = readdirSync(FOLDER)
  .filter((file) => file !== 'README.md')
  .sort();
const textOf = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');

test('numbers follow one another, from 0001 on, in the name and in the title', () => {
  expect(files.length).toBeGreaterThan(0);
  for (const [index, file] of files.entries()) {
    const number = String(index + 1).padStart(4, '0');
    expect(file, 'a file is called NUMBER-WORDS.md').toMatch(new RegExp(`^${number}-[a-z0-9-]+\\.md$`));
    expect(textOf(file), `${file} begins with "# ${number}: TITLE"`).toMatch(new RegExp(`^# ${number}: \\S`));
  }
});

test.each(files)('%s says what was the question, what was decided, rejected and measured', (file) => {
  const parts = [...textOf(file).matchAll(/^\*\*(\w+)\.\*\*/gm)].map(([, name]) => name);
  expect(parts).toEqual(['Context', 'Decision', 'Rejected', 'Measured']);
  expect(textOf(file).split('\n').length, 'a page has at most 40 lines').toBeLessThanOrEqual(41);
});

test('the list has every decision, with its title', () => {
  const rows = files.map((file) => {
    const [, number, title] = /^# (\d+): (.+)$/m.exec(textOf(file)) ?? [];
    return `| [${number}](${file}) | ${title} |`;
  });
  const listed = textOf('README.md')
    .split('\n')
    .filter((line) => line.startsWith('| ['));
  expect(listed, 'docs/decisions/README.md has a row for each file, in their order').toEqual(rows);
});
