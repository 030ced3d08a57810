// The file that opens terminals on Windows, unpacked: kept for the next start, mended, and put elsewhere where it has to be.
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CONPTY_FILE, unpackConpty } from '../../../../services/agent/platform/windows/conpty-file.ts';

let folder: string;
let content: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-test-'));
  content = 'an addon';
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

function unpack(...parents: string[]) {
  const asset = (name: string): ArrayBuffer => {
    if (name !== CONPTY_FILE) throw new Error(`no asset ${name}`);
    return new Uint8Array(Buffer.from(content)).buffer;
  };
  return unpackConpty(parents, asset, join);
}

function fileOf(unpacked: ReturnType<typeof unpack>): string {
  if (unpacked.kind === 'none') throw new Error(unpacked.detail);
  return unpacked.file;
}

test('it is written once, alone in its folder, and there again at the next start', async () => {
  const file = fileOf(unpack(folder));
  expect(await readFile(file, 'utf8')).toBe(content);
  expect(await readdir(dirname(file))).toEqual([CONPTY_FILE]);
  const { mtimeMs, ino } = await stat(file);
  expect(fileOf(unpack(folder))).toBe(file);
  expect(await stat(file)).toMatchObject({ mtimeMs, ino });
});

test('that of another version lies in another folder', async () => {
  const first = fileOf(unpack(folder));
  content = 'another addon';
  const second = fileOf(unpack(folder));
  expect(second).not.toBe(first);
  expect(await readFile(second, 'utf8')).toBe(content);
});

test('one that is not what it was is written again', async () => {
  const file = fileOf(unpack(folder));
  await writeFile(file, 'an add');
  expect(fileOf(unpack(folder))).toBe(file);
  expect(await readFile(file, 'utf8')).toBe(content);
});

test('where the first folder takes nothing it goes to the next, and where none does, each says why', async () => {
  const blocked = join(folder, 'file');
  await writeFile(blocked, '');
  const second = join(folder, 'second');
  expect(dirname(dirname(fileOf(unpack(blocked, second))))).toBe(second);
  const none = unpack(blocked, join(blocked, 'below'));
  expect(none).toMatchObject({ kind: 'none', detail: expect.stringMatching(/file: .*; .*below: /) });
});

test('one that cannot be put in place leaves nothing half done', async () => {
  const file = fileOf(unpack(folder));
  await rm(file);
  // A folder in its place: what was written has to go again.
  await mkdir(file);
  expect(unpack(folder).kind).toBe('none');
  expect(await readdir(dirname(file))).toEqual([CONPTY_FILE]);
});
