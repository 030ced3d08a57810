// The variables that the programs read, held against the documents.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { readRepository } from '../../house/documents.ts';

/** Not ours: the user's, the system's and Node's. Those of CI systems are read in two files, which name them all. */
const FOREIGN = [
  'HOME',
  'USERPROFILE',
  'LOGNAME',
  'NODE_OPTIONS',
  'PATH',
  'SHELL',
  'SSH_AUTH_SOCK',
  'USER',
  'XDG_CACHE_HOME',
];
const CI_SYSTEMS = /\/(ci-job|github-token)\.ts$/;

/** For the program itself: a person has no use for it. */
const INTERNAL = ['CONVERGE_RELAY_RESTARTED'];

test('every variable of ours that a program reads is in a document: add it to the table of its program', () => {
  const { files, documents } = readRepository();
  const sources = files.filter(
    (file) => /^(services|deploy\/build)\/.*\.ts$/.test(file) && !CI_SYSTEMS.test(file),
  );
  const read = new Set(sources.flatMap((file) => variablesIn(readFileSync(join(ROOT, file), 'utf8'))));
  expect(read).toContain('CONVERGE_MASK');
  expect(read).toContain('SIGNING_KEY_FILE');
  const documented = documents.map(({ text }) => text).join('\n');
  const missing = [...read].filter(
    (name) =>
      !FOREIGN.includes(name) && !INTERNAL.includes(name) && !new RegExp(`\\b${name}\\b`).test(documented),
  );
  expect(missing).toEqual([]);
});

test('what is read is found in each way in which it is written', () => {
  expect(variablesIn("process.env['A_B'] env['C1']")).toEqual(['A_B', 'C1']);
  expect(variablesIn("const URL_VARIABLE = 'CONVERGE_URL';")).toEqual(['CONVERGE_URL']);
  expect(variablesIn("const map = { key: 'NOT_ONE' }")).toEqual([]);
});

/** Read by name, or by a constant that is called `…VARIABLE`. The options' and the relay's are in tables from the code. */
function variablesIn(text: string): string[] {
  const found = text.matchAll(/(?:\benv\??\.?\['|\b[A-Z_]*VARIABLE = ')([A-Z][A-Z0-9_]*)'/g);
  return [...found].map(([, name = '']) => name);
}
