// Stamps: what makes the build make a file again, and what does not.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ingredient, type Made, makeOnce } from '../../../deploy/build/stamp.ts';

let folder: string;
let output: string;
let stamps: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-stamp-'));
  output = join(folder, 'bin', 'agent');
  stamps = join(folder, 'stamps');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('stamps', () => {
  test('the same ingredients do not make a file twice, and have the same key', async () => {
    const first = await make(['a', 'b'], 'one');
    const second = await make(['a', 'b'], 'two');
    expect([first.isNew, second.isNew]).toEqual([true, false]);
    expect(second.key).toBe(first.key);
    expect(await readFile(output, 'utf8')).toBe('one');
  });

  test.for([
    { change: 'another content', ingredients: ['a', 'c'] },
    { change: 'bytes that move from one ingredient to the next', ingredients: ['ab', ''] },
    { change: 'one more', ingredients: ['a', 'b', 'c'] },
    { change: 'another order', ingredients: ['b', 'a'] },
  ])('$change makes it again', async ({ ingredients }) => {
    await make(['a', 'b'], 'one');
    expect((await make(ingredients, 'two')).isNew).toBe(true);
    expect(await readFile(output, 'utf8')).toBe('two');
  });

  test('a file that was removed or cut short is made again', async () => {
    await make(['a'], 'complete');
    await rm(output);
    expect((await make(['a'], 'complete')).isNew).toBe(true);
    await writeFile(output, 'com');
    expect((await make(['a'], 'complete')).isNew).toBe(true);
  });

  test('a failure keeps the old file, leaves no part, and is tried again', async () => {
    await make(['a'], 'old');
    const failing = async (temporary: string) => {
      await writeFile(temporary, 'half');
      throw new Error('disk full');
    };
    await expect(makeOnce(output, ['b'], failing, stamps)).rejects.toThrow('disk full');
    expect(await readFile(output, 'utf8')).toBe('old');
    expect(await readdir(join(folder, 'bin'))).toEqual(['agent']);
    expect((await make(['b'], 'new')).isNew).toBe(true);
  });
});

async function make(ingredients: readonly Ingredient[], content: string): Promise<Made> {
  return await makeOnce(
    output,
    ingredients,
    async (temporary) => await writeFile(temporary, content),
    stamps,
  );
}
