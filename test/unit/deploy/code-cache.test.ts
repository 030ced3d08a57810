// Code caches: two builds of the same sources are the same bytes, so that pods and machines can be compared; and V8 takes them.
import { execFile } from 'node:child_process';
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { START_FLAGS, WORK_FLAGS } from '#shared/machine/runtime-flags.ts';
import { makeCodeCache, programScriptFrom } from '../../../deploy/build/code-cache.ts';
import { NODE_BINARY } from '../../../deploy/build/node-runtime.ts';
import { ROOT } from '../../../deploy/build/source-tree.ts';

/** Enough names for V8's hashes of them to show in its code cache. */
const NAMES = Array.from({ length: 50 }, (_, index) => `const name${index} = () => '${index}';`);

/** It ends the process, as programs do; one of its functions runs when a part is loaded, one never. */
const PROGRAM = `
${NAMES.join('\n')}
function begin() { return 'begun'; }
function loadPart() { return 'loaded'; }
function goOn() { return 'at it'; }
const said = [begin()];
exports.SOME_PARTS = { part: async () => said.push(loadPart()), later: async () => said };
process.exit(7);
globalThis.look = () => [begin(), loadPart(), goOn()].join();
`;

/** V8 compares of a source how long it is, and nothing else: what comes in capitals was not in the cache. */
const LOOK = `
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const [, source, cache] = process.argv;
const text = readFileSync(source, 'latin1').replace(/'(begun|loaded|at it)'/g, (word) => word.toUpperCase());
const script = new Script(text, { cachedData: readFileSync(cache) });
const exit = process.exit;
process.exit = () => undefined;
script.runInThisContext()({}, require);
console.log(script.cachedDataRejected, globalThis.look());
`;

let folder: string;
let script: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-code-cache-'));
  script = join(folder, 'script');
  await writeFile(script, programScriptFrom(PROGRAM));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function lookAt(cache: Buffer, flags: readonly string[]): Promise<string> {
  const file = join(folder, 'cache');
  await writeFile(file, cache);
  const { stdout } = await promisify(execFile)(NODE_BINARY, [...flags, '--eval', LOOK, script, file]);
  return stdout.trim();
}

describe('a code cache', () => {
  test('is the same each time', async () => {
    const [first, second] = [await makeCodeCache(script), await makeCodeCache(script)];
    expect(first.equals(second)).toBe(true);
  });

  test('has what runs at a start and as parts are loaded, and is taken with the flags of the programs', async () => {
    expect(await lookAt(await makeCodeCache(script), START_FLAGS)).toBe('false begun,loaded,AT IT');
  });

  test('that V8 does not take leaves the program as it is', async () => {
    const cache = await makeCodeCache(script);
    expect(await lookAt(cache, [...START_FLAGS, ...WORK_FLAGS])).toBe('true BEGUN,LOADED,AT IT');
    expect(await lookAt(cache.subarray(0, cache.length / 2), START_FLAGS)).toMatch(/^true /);
  });

  test('of a program that fails as it loads is none', async () => {
    await writeFile(
      script,
      programScriptFrom('exports.PARTS = { part: () => Promise.reject(new Error("broken")) };'),
    );
    await expect(makeCodeCache(script)).rejects.toMatchObject({ code: 'command_failed' });
  });
});

describe('a script', () => {
  test('is ASCII: what is not, in comments, is left out', () => {
    expect(programScriptFrom('  // ── a ──\nrun();\n')).toMatch(/\{ {2}\/\/ -- a --\nrun\(\);\n\n\}\)$/);
  });

  test('is refused where something else would be lost', () => {
    expect(() => programScriptFrom("say('─');\n// all\n")).toThrow(/"─"/);
  });
});

/** Modules of ours that a file imports as it runs, by their paths. */
async function importedLater(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8');
  return [...text.matchAll(/\bimport\('([.#][^']+)'\)/g)].map(([, name = '']) =>
    name.startsWith('#') ? name.replace('#shared', join(ROOT, 'services/shared')) : join(dirname(file), name),
  );
}

describe('what a program imports as it runs is one of the parts that its main exports', () => {
  test.each([
    ['agent', ['agent', 'shared']],
    ['clients/wsproxy', ['clients/*', 'shared']],
  ])('%s', async (program, rooms) => {
    const main = join(ROOT, 'services', program, 'main.ts');
    const parts = await importedLater(main);
    expect(parts.length).toBeGreaterThan(3);
    const pattern = rooms.map((room) => `services/${room}/**/*.ts`);
    for await (const file of glob(pattern, { cwd: ROOT, exclude: ['services/clients/browser/**'] }))
      for (const later of await importedLater(join(ROOT, file))) expect(parts).toContain(later);
  });
});
