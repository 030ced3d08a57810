// The documents of the repository: what they point to is there, and each is found from another.
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { commentFaultsOf, type Document, faultsOf, readRepository } from '../../house/documents.ts';

const repository = readRepository();

/** What may lie at the top: a card that people read first. Whoever adds to it has a reason, and writes it here. */
const TOP_LEVEL = [
  // Folders.
  '.ci',
  '.github',
  'deploy',
  'docs',
  'services',
  'test',
  // The words of licences that NOTICE refers to.
  'LICENSES',
  // What people look for by these names.
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'LICENSE',
  'NOTICE',
  'README.md',
  'SECURITY.md',
  // What tools look for here and nowhere else.
  '.dockerignore',
  '.editorconfig',
  '.gitignore',
  '.npmrc',
  '.oxlintrc.json',
  'Dockerfile',
  'biome.json',
  'knip.json',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
  // Extends it, for what runs in pages too.
  'tsconfig.page.json',
  'vitest.config.ts',
];

test('every file, heading and command that a document names is there', () => {
  expect(repository.documents.length).toBeGreaterThan(4);
  expect(repository.documents.flatMap((document) => faultsOf(document, repository))).toEqual([]);
});

test('every document is linked from another one: link a new one from README.md or from its neighbour', () => {
  const linked = new Set(
    repository.documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
        .map(([, target = '']) => normalize(join(dirname(path), target)))
        .filter((target) => target !== path),
    ),
  );
  const found = repository.documents.map(({ path }) => path);
  expect(found.filter((path) => path !== 'README.md' && !linked.has(path))).toEqual([]);
});

test('every file that a comment names is there', () => {
  const sources = repository.files.filter((file) => /\.(ts|cc|h|yaml|tpl)$/.test(file));
  expect(sources.length).toBeGreaterThan(500);
  const texts = sources.map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
  expect(commentFaultsOf(texts, repository.files)).toEqual([]);
});

test('nothing joins the top level: a new file goes into a folder, or into the list of this test with its reason', () => {
  const entries = new Set(repository.files.map((file) => file.split('/', 1)[0] ?? ''));
  expect([...entries].filter((entry) => !TOP_LEVEL.includes(entry))).toEqual([]);
});

/** Apart, so that what is planted below is no comment of this file. */
const SLASHES = '//';

describe('a violation is found, in a sentence that says what to do', () => {
  const guide: Document = { path: 'docs/guide.md', text: '# A guide: to `things`\n\n## Same\n\n## Same\n' };
  const surroundings = {
    files: ['README.md', 'docs/guide.md', 'services/relay/app.ts', 'docs/decisions/0001-node.md'],
    documents: [guide],
    scripts: ['build'],
  };
  const faultsIn = (text: string, path = 'README.md') => faultsOf({ path, text }, surroundings);

  test.each([
    ['`services/relay/gone.ts`', 'README.md:1: names services/relay/gone.ts, which is not in the repository'],
    ['see services/agent/ for more', 'README.md:1: names services/agent/, which is not in the repository'],
    ['```sh\nls docs/gone\n```', 'README.md:2: names docs/gone, which is not in the repository'],
    ['as `gone.ts` says', 'README.md:1: names gone.ts, and no file is called so'],
    ['as `http/app.ts` says', 'README.md:1: names http/app.ts, and no file is called so'],
    ['[guide](docs/gide.md)', 'README.md:1: links to docs/gide.md, which is not there'],
    [
      '[guide](docs/guide.md#gone)',
      'README.md:1: links to docs/guide.md#gone, and docs/guide.md has no such',
    ],
    ['[guide](docs/guide.md#same-2)', 'README.md:1: links to docs/guide.md#same-2, and docs/guide.md has no'],
    ['\nby `npm run\nbiuld`', 'README.md:2: names npm run biuld, which package.json lacks'],
    ['npm run biuld', 'README.md:1: names npm run biuld, which package.json lacks'],
    ['docs/decisions/NNNN-gone.md', 'README.md:1: names docs/decisions/*-gone.md, which is not in the repo'],
  ])('%s', (text, fault) => {
    const faults = faultsIn(text);
    expect(faults.filter((words) => words.startsWith(fault))).toHaveLength(1);
    expect(faults[0]).toMatch(/: (correct|remove)[^:]+$/);
  });

  test.each([
    '`services/relay/app.ts`, services/relay/ and services/*/app.ts.',
    '`app.ts` and `relay/app.ts`',
    '[a](docs/guide.md#a-guide-to-things), [b](docs/guide.md#same-1), [c](https://example.org/docs/x)',
    'curl https://RELAY/docs/agent; the path /docs/wsproxy; `RELAY/docs/agent`',
    'npm run build; npm run --silent build',
    'docs/decisions/NNNN-NAME.md',
    '`[text](gone.md)` in code is no link',
  ])('but not in: %s', (text) => {
    expect(faultsIn(text)).toEqual([]);
  });

  test('links are followed from the folder of their document', () => {
    expect(faultsIn('[up](../README.md) [there](guide.md#same)', 'docs/other.md')).toEqual([]);
    expect(faultsIn('[up](README.md)', 'docs/other.md')).toHaveLength(1);
  });

  test.each([
    ['// as services/relay/gone.ts does', 'a.ts:1: names services/relay/gone.ts, which'],
    ['let a;\n * see gone.ts', 'a.ts:2: names gone.ts, which'],
    [`run(); ${SLASHES} docs/gone.md`, 'a.ts:1: names docs/gone.md, which'],
    ['# services/relay/gone.ts', 'a.ts:1: names services/relay/gone.ts, which'],
    ['/** The pump of design section 5. */', 'a.ts:1: cites a design'],
    [`${SLASHES} As issue 7 asks.`, 'a.ts:1: cites an issue by its number'],
  ])('in a comment: %s', (text, fault) => {
    const faults = commentFaultsOf([{ path: 'a.ts', text }], surroundings.files);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(fault);
  });

  test.each([
    '// app.ts and services/relay/app.ts',
    "import { a } from './gone.ts';",
    '// https://example.org/src/gone.ts',
    '// packages/core/gone.ts of somebody else',
  ])('but not in: %s', (text) => {
    expect(commentFaultsOf([{ path: 'a.ts', text }], surroundings.files)).toEqual([]);
  });
});
