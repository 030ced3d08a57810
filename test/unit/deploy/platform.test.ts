// PLATFORMS of a build, and the packages that it fetches.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { checkIntegrity } from '../../../deploy/build/npm-archive.ts';
import { choosePlatforms, FOREIGN_PLATFORMS, MAKERS, programsFor } from '../../../deploy/build/platform.ts';
import { PLATFORM } from '../../../deploy/build/source-tree.ts';

describe('PLATFORMS', () => {
  test.each([
    ['', []],
    [PLATFORM, []],
    ['windows-x64', ['windows-x64']],
    [`${PLATFORM}, darwin-x64,darwin-arm64`, ['darwin-arm64', 'darwin-x64']],
    ['all', ['darwin-arm64', 'darwin-x64', 'windows-x64']],
  ])('%j', (text, names) => {
    expect(choosePlatforms(text).map(({ name }) => name)).toEqual(names);
  });

  test('an unknown one is refused, and the message lists what there is', () => {
    expect(() => choosePlatforms('darwin-x64,win32-x64')).toThrow(
      `PLATFORMS: "win32-x64" is not built here; there is ${PLATFORM}, darwin-arm64, darwin-x64, windows-x64, or all`,
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

test('a package of another hash is refused, by name', () => {
  const bytes = Buffer.from('a tarball');
  const digest = createHash('sha512').update(bytes).digest('base64');
  expect(() => checkIntegrity('node@1', bytes, `sha512-${digest}`)).not.toThrow();
  expect(() => checkIntegrity('node@1', Buffer.from('another'), `sha512-${digest}`)).toThrow(
    /^node@1 is not what it was/,
  );
});
