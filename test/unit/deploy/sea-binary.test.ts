// Binaries: two builds of the same sources are the same bytes, so that pods and machines can be compared.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeBlob } from '../../../deploy/build/sea-binary.ts';

/** Enough names for V8's hashes of them to show in its code cache. */
const PROGRAM = Array.from({ length: 50 }, (_, index) => `exports.name${index} = () => '${index}';`).join(
  '\n',
);

test('what is injected is the same each time, code cache and all', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'converge-sea-'));
  try {
    const main = join(folder, 'main.cjs');
    await writeFile(main, PROGRAM);
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    for (const output of [first, second]) await writeBlob({ main, output });
    expect((await readFile(first)).equals(await readFile(second))).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['first', 'main.cjs', 'second']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
