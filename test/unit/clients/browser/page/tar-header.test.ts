// Tar archives as the page makes them, judged by GNU tar.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import {
  TAR_END,
  type TarEntry,
  tarHeader,
  tarPadding,
} from '../../../../../services/clients/browser/page/files/tar-header.ts';

const run = promisify(execFile);

function entry(path: string, content: string, kind: TarEntry['kind'] = 'file'): Buffer {
  const bytes = Buffer.from(content);
  const facts = { path, kind, size: bytes.length, permissions: 0o751, modified: 1_700_000_000 };
  return Buffer.concat([tarHeader(facts), bytes, Buffer.alloc(tarPadding(bytes.length))]);
}

test('tar takes out what was put in: long names, names that are not ASCII, empty files, times and permissions', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'converge-tar-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const long = `top/${'n'.repeat(150)}/${'m'.repeat(120)}.txt`;
  const contents: Readonly<Record<string, string>> = {
    'top/a.txt': 'hello\n',
    'top/empty': '',
    'top/ünïcode ☃': 'snow',
    [long]: 'x'.repeat(2_000),
    'top/block': 'y'.repeat(512),
  };
  const archive = join(folder, 'made.tar');
  const files = Object.entries(contents).map(([path, content]) => entry(path, content));
  await writeFile(archive, Buffer.concat([entry('top', '', 'folder'), ...files, TAR_END]));
  await run('tar', ['-xf', archive, '-C', folder]);
  for (const [path, content] of Object.entries(contents))
    expect(await readFile(join(folder, path), 'utf8'), path).toBe(content);
  const { mode, mtimeMs } = await stat(join(folder, 'top/a.txt'));
  expect([mode & 0o777, mtimeMs]).toEqual([0o751, 1_700_000_000_000]);
});

test('a file of more than eight gigabytes has its size where tar looks for it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'converge-tar-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const archive = join(folder, 'large.tar');
  const size = 9_000_000_000;
  await writeFile(archive, tarHeader({ path: 'large', kind: 'file', size, permissions: 0o644, modified: 0 }));
  const listed = await run('tar', ['-tvf', archive]).catch((error: { stdout: string }) => error);
  expect(listed.stdout).toContain(String(size));
});
