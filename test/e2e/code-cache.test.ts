// The built programs start from their code cache; and where V8 does not take it, from what they are made of.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BUILT_PROGRAMS, PLATFORM, WORKSHOP } from '../../deploy/build/source-tree.ts';

/** How Node writes an asset of this name into a program: length and name, then the length of what it is. */
const CACHE_NAME = Buffer.from('\x05\0\0\0\0\0\0\0cache', 'latin1');
const LENGTH_BYTES = 8;

let folder: string;
let version: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-code-cache-'));
  ({ version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What the program says that `file` is. */
async function versionIn(file: Buffer): Promise<string> {
  const path = join(folder, 'program');
  await writeFile(path, file, { mode: 0o755 });
  try {
    return (await promisify(execFile)(path, ['--version'])).stdout.trim();
  } finally {
    await rm(path);
  }
}

test.each(BUILT_PROGRAMS)('$name', async ({ name }) => {
  const file = await readFile(join(WORKSHOP, `${name}-${PLATFORM}`));
  // V8 compares of a script how long it is, and nothing else: what it has in the cache it does not look up there.
  const text = `version: "${version}"`;
  const other = version.replaceAll(/\d/g, '9');
  const at = file.indexOf(text);
  expect(at).toBeGreaterThan(0);
  file.write(text.replace(version, other), at);
  expect(file.indexOf(text)).toBe(-1);
  expect(await versionIn(file)).toBe(version);

  const cache = file.indexOf(CACHE_NAME) + CACHE_NAME.length + LENGTH_BYTES;
  expect(cache).toBeGreaterThan(CACHE_NAME.length + LENGTH_BYTES);
  file.fill(0, cache, cache + LENGTH_BYTES);
  expect(await versionIn(file)).toBe(other);
});
