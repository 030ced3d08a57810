// The dialect of this house: every file is written like the rest, and whoever writes otherwise is told how.
import { expect, test } from 'vitest';
import { findDialectFaults } from '../../house/dialect-faults.ts';
import { readHouse } from '../../house/house.ts';
import { parseTree, type SourceFile } from '../../house/source-file.ts';

const HEADER = '// What this file is for.\n';

test('every file of this repository is written in one dialect', () => {
  expect(findDialectFaults(readHouse().trees)).toEqual([]);
});

test.each([
  ['a comment and its imports', `${HEADER}import { x } from './x.ts';`],
  ['a comment of two lines', `// What this file is for,\n// at length.\nimport { x } from './x.ts';`],
  ['a comment with more below it', `${HEADER}//\n//   an example\nimport { x } from './x.ts';`],
  ['a comment with its source below it', `${HEADER}// https://example.org/\nimport { x } from './x.ts';`],
  ['a comment and a constant', `${HEADER}\nexport const A = 1;`],
  ['kinds in snake_case', `${HEADER}\nexport const a = { kind: 'not_found' };`],
  ['a kind of Kubernetes', `${HEADER}\nexport const a = { kind: 'EndpointSlice' };`],
  ['a word in another field', `${HEADER}\nexport const a = { end: 'client-left' };`],
  ['a field that is readonly', `${HEADER}\nexport interface A { readonly b: number }`],
  [
    'a field that is set',
    `${HEADER}\nexport interface A { b: number }\nexport function f(a: A) { a.b = 1; }`,
  ],
  [
    'a field that is counted',
    `${HEADER}\nexport interface A { b: number }\nexport function f(a: A) { a.b++; }`,
  ],
  [
    'a field that is added to',
    `${HEADER}\nexport interface A { b: number }\nexport function f(a: A) { a.b += 1; }`,
  ],
  [
    'a field that is deleted',
    `${HEADER}\nexport interface A { b?: number }\nexport function f(a: A) { delete a.b; }`,
  ],
  [
    'a field that is set by a word',
    `${HEADER}\nexport interface A { b: number }\nexport function f(a: A, k = 'b' as const) { a[k] = 1; }`,
  ],
  ['a method', `${HEADER}\nexport interface A { b(): void }`],
  ['one statement behind its condition', `${HEADER}\nif (a) b();`],
  ['one statement that does not fit on the line', `${HEADER}\nif (a) {\n  b('${'x'.repeat(100)}');\n}`],
  ['one statement with a comment', `${HEADER}\nif (a) {\n  // Because.\n  b();\n}`],
  ['one statement of several lines', `${HEADER}\nif (a) {\n  b(() => {\n    c();\n  });\n}`],
  ['one statement before an else', `${HEADER}\nif (a) {\n  b();\n} else {\n  c();\n  d();\n}`],
  ['one statement after an else', `${HEADER}\nif (a) {\n  c();\n  d();\n} else if (e) {\n  b();\n}`],
  ['two statements', `${HEADER}\nif (a) {\n  b();\n  c();\n}`],
  ['a part of a union', `${HEADER}\ntype A = Extract<B, { kind: 'ok' }>;`],
])('%s is good', (_what, text) => {
  expect(faultsOf([file(text)])).toEqual([]);
});

test.each([
  ['no comment', "import { x } from './x.ts';", 'does not begin with a comment'],
  ['a comment of another form', "/* What. */\nimport { x } from './x.ts';", 'does not begin with a comment'],
  ['no full stop', "// What this file is for\nimport { x } from './x.ts';", 'does not begin with a comment'],
  ['no sentence', "//\n// What.\nimport { x } from './x.ts';", 'does not begin with a comment'],
  ['an empty line before the imports', `${HEADER}\nimport { x } from './x.ts';`, 'leave it out'],
  ['a constant that clings to the comment', `${HEADER}const A = 1;`, 'put one in'],
  ['a docstring that clings to the comment', `${HEADER}/** One. */\nconst A = 1;`, 'put one in'],
  ['a kebab kind', `${HEADER}\nconst a = { kind: 'not-found' };`, "has the kind 'not-found'"],
  ['a kind of two words', `${HEADER}\nconst a = { kind: 'not found' };`, "has the kind 'not found'"],
  ['a kind in camel case', `${HEADER}\nconst a = { kind: 'notFound' };`, "has the kind 'notFound'"],
  ['a kind that depends', `${HEADER}\nconst a = { kind: b ? 'ok' : 'not-ok' };`, "has the kind 'not-ok'"],
  ['a kebab kind in a type', `${HEADER}\ntype A = { readonly kind: 'a-b' | 'c' };`, "has the kind 'a-b'"],
  ['a field of an interface', `${HEADER}\ninterface A { b: number }`, 'has the field b that nobody assigns'],
  ['an optional field', `${HEADER}\ninterface A { b?: number }`, 'has the field b that nobody assigns'],
  ['a field of a union', `${HEADER}\ntype A = { b: number } | 1;`, 'has the field b that nobody assigns'],
  [
    'a field that is only read',
    `${HEADER}\ninterface A { b: number }\nf(a.b === 1);`,
    'has the field b that',
  ],
  ['braces around one statement', `${HEADER}\nif (a) {\n  b();\n}`, 'on the line before it: if (a) b();'],
  ['braces around a throw', `${HEADER}\nif (a) {\n  throw b;\n}`, 'on the line before it: if (a) throw b;'],
  ['braces in a loop', `${HEADER}\nfor (const a of b) {\n  c(a);\n}`, 'before it: for (const a of b) c(a);'],
  ['it()', `${HEADER}import { it } from 'vitest';`, 'begins with test()'],
])('%s is refused', (_what, text, sentence) => {
  const faults = faultsOf([file(text)]);
  expect(faults).toEqual([expect.stringContaining(sentence)]);
  expect(faults[0]).toContain('services/a.ts ');
});

test('a test may change what its types say', () => {
  expect(faultsOf([{ path: 'test/a.ts', text: `${HEADER}\ninterface A { b: number }` }])).toEqual([]);
});

test('a field that another file assigns is good', () => {
  const files = [
    file(`${HEADER}\nexport interface A { b: number }`),
    { path: 'services/b.ts', text: `${HEADER}\na.b = 1;` },
  ];
  expect(faultsOf(files)).toEqual([]);
});

function file(text: string): SourceFile {
  return { path: 'services/a.ts', text };
}

function faultsOf(sources: readonly SourceFile[]): readonly string[] {
  return findDialectFaults(sources.map(parseTree));
}
