// Packages of another processor: fetched once, by an apt whose state is its own; and what is said where they cannot be had.
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fetchDebianArchives } from '../../../deploy/build/debian-archives.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-archives-'));
  vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
  vi.spyOn(console, 'error').mockImplementation(() => {});
  await putScript('dpkg-query', 'echo libc6 2.36');
  // What apt-get brings holds its own name; dpkg-deb unpacks a file of the same name.
  await putScript('dpkg-deb', 'mkdir -p "$3" && cp "$2" "$3/"');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const ARCHIVES = {
  architecture: 'arm64',
  packages: ['libc6', 'libzstd-dev'],
  purpose: 'a build for linux-arm64',
};
/** Says what it was called with, and leaves a file for each package behind `download`. */
const APT = `echo "$@" >>"$(dirname "$0")/calls"
while [ $# -gt 0 ] && [ "$1" != download ]; do shift; done
[ $# -eq 0 ] && exit 0
shift
for name in "$@"; do echo "$name" >"$name.deb"; done`;

async function putScript(name: string, body: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${body}\n`);
  await chmod(join(folder, name), 0o755);
}

async function fetchArchives(): Promise<string> {
  return await fetchDebianArchives(ARCHIVES, join(folder, 'cache'));
}

test('they come once, and again when this machine got another C library', async () => {
  await putScript('apt-get', APT);
  const found = await fetchArchives();
  expect((await readdir(found)).sort()).toEqual(['libc6.deb', 'libzstd-dev.deb']);
  expect(await fetchArchives()).toBe(found);
  const calls = async () => (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');
  expect(await calls()).toHaveLength(2);
  await putScript('dpkg-query', 'echo libc6 2.37');
  expect(await fetchArchives()).not.toBe(found);
  expect(await calls()).toHaveLength(4);
  // Nothing half done, and no lists of apt, stay behind.
  expect(await readdir(join(folder, 'cache'))).toHaveLength(2);
});

test('each call of apt has state, cache and architecture of its own', async () => {
  await putScript('apt-get', APT);
  await fetchArchives();
  const calls = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');
  for (const call of calls)
    for (const option of ['Dir::State', 'Dir::State::status', 'Dir::Cache'])
      expect(call).toContain(`-o ${option}=${join(folder, 'cache')}/`);
  for (const call of calls) expect(call).toContain('-o APT::Architecture=arm64 ');
});

test('a mirror without them: the packages, what apt said, and the way out; nothing stays', async () => {
  await putScript('apt-get', 'case "$*" in *download*) echo "E: no such package" >&2; exit 100 ;; esac');
  await expect(fetchArchives()).rejects.toMatchObject({
    code: 'command_failed',
    message: expect.stringMatching(
      /^a build for linux-arm64 needs libc6:arm64, libzstd-dev:arm64, and apt-get cannot bring them: [^]*E: no such package[^]*leave this platform out of PLATFORMS$/,
    ),
  });
  expect(await readdir(join(folder, 'cache'))).toEqual([]);
});

test('no apt at all: the packages', async () => {
  vi.stubEnv('PATH', folder);
  const { fetchDebianArchives } = await import('../../../deploy/build/debian-archives.ts');
  const packages = await import('../../../deploy/build/debian-packages.ts');
  if (packages.findCommand('apt-get') !== undefined)
    throw new Error('there is an apt-get in a system folder');
  await expect(fetchDebianArchives(ARCHIVES)).rejects.toMatchObject({
    code: 'requirement_missing',
    message:
      'a build for linux-arm64 needs libc6:arm64, libzstd-dev:arm64 of Debian, and there is no apt-get here',
  });
});
