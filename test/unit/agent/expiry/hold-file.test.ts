// The hold file on a real file system.
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  holdFilePath,
  readHoldFile,
  removeHoldFile,
  writeHoldFile,
} from '../../../../services/agent/expiry/hold-file.ts';

describe('the hold file', () => {
  let directory: string;
  let path: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hold-'));
    path = holdFilePath(directory);
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test('is gone until somebody makes it', async () => {
    expect(await readHoldFile(path)).toEqual({ kind: 'gone' });
    await writeFile(path, '');
    expect(await readHoldFile(path)).toMatchObject({ kind: 'present' });
  });

  test('is made by a hold, with a time that may lie in the future', async () => {
    const mtimeMs = Date.now() + 7_200_000;
    await writeHoldFile(path, mtimeMs);
    expect(await readHoldFile(path)).toMatchObject({ kind: 'present', mtimeMs });
  });

  test('keeps its content when a hold moves its time', async () => {
    await writeFile(path, 'why');
    await writeHoldFile(path, 1_700_000_000_123);
    expect((await stat(path)).size).toBe(3);
    expect(await readHoldFile(path)).toMatchObject({ kind: 'present', mtimeMs: 1_700_000_000_123 });
  });

  test('may be a directory', async () => {
    await mkdir(path);
    await writeHoldFile(path, 1_700_000_000_000);
    expect(await readHoldFile(path)).toMatchObject({ kind: 'present', mtimeMs: 1_700_000_000_000 });
    expect(await removeHoldFile(path)).toBe(true);
    expect(await readHoldFile(path)).toEqual({ kind: 'gone' });
  });

  test('is removed once', async () => {
    await writeFile(path, '');
    expect(await removeHoldFile(path)).toBe(true);
    expect(await removeHoldFile(path)).toBe(false);
  });

  test('is gone when the directory is, or became a file', async () => {
    await rm(directory, { recursive: true });
    expect(await readHoldFile(path)).toEqual({ kind: 'gone' });
    await writeFile(directory, '');
    expect(await readHoldFile(path)).toEqual({ kind: 'gone' });
    expect(await removeHoldFile(path)).toBe(false);
  });

  test('cannot be looked at when the path is not usable, which is not the same as gone', async () => {
    expect(await readHoldFile(join(directory, 'x'.repeat(300)))).toEqual({
      kind: 'unreadable',
      code: 'ENAMETOOLONG',
    });
  });
});
