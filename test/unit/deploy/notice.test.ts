// NOTICE, held against what the bundler puts into the programs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SYSTEM_LIBRARIES } from '../../../deploy/build/launcher.ts';
import { LINUX_PLATFORMS } from '../../../deploy/build/linux-platform.ts';
import { NOTICE, renderNotice } from '../../../deploy/build/pages/notice.ts';
import { FOREIGN_PLATFORMS } from '../../../deploy/build/platform.ts';
import { BUILT_PROGRAMS, ROOT } from '../../../deploy/build/source-tree.ts';

const text = readFileSync(NOTICE, 'utf8');

test('it is that of the packages as they are (node deploy/build/pages/notice.ts writes it)', async () => {
  expect(await renderNotice()).toBe(text);
});

test('what is in a program is named with its licence and its holder, and what only tests use is not', () => {
  expect(text).toMatch(/^ssh2 \S+ \(MIT\): agent, relay$/m);
  expect(text).toMatch(/^https-proxy-agent \S+ \(MIT\): agent, relay, tcptows, wsproxy$/m);
  // The clients speak frames of our own.
  expect(text).toMatch(/^ws \S+ \(MIT\): agent, relay$/m);
  expect(text).toMatch(/^@kubernetes\/client-node \S+ \(Apache-2\.0\): relay$/m);
  expect(text).toMatch(/^@xterm\/xterm \S+ \(MIT\): terminal page$/m);
  expect(text).toMatch(/^@noble\/curves \S+ \(MIT\): terminal page$/m);
  expect(text).toMatch(/^nan \S+ \(MIT\): agent$/m);
  expect(text).toMatch(/^ssh2: Copyright Brian White/m);
  expect(text).toMatch(
    /^---- Node\.js 24\.\d+\.\d+: in the programs for linux-arm64, linux-x64, and in the image ----$/m,
  );
  expect(text).toMatch(/^@lydell\/node-pty-darwin-x64 1\.1\.0 \(MIT\): agent for darwin-x64$/m);
  expect(text).toMatch(/^@lydell\/node-pty-darwin-arm64: Copyright \(c\) 2012-2015, Christopher Jeffrey/m);
  expect(text).not.toMatch(/^(vitest|playwright-core|testcontainers) /m);
});

test('each runtime is named for the kind of file that has it, with its licence', () => {
  for (const { name, node } of FOREIGN_PLATFORMS)
    expect(text).toMatch(
      new RegExp(`^---- Node\\.js ${node.version}: in the programs for .*\\b${name}\\b`, 'm'),
    );
  for (const file of [...SYSTEM_LIBRARIES, ...LINUX_PLATFORMS.map(({ loader }) => loader)])
    expect(text.split(file).length, file).toBeGreaterThan(2);
  for (const { name, addons } of BUILT_PROGRAMS)
    for (const addon of addons) expect(text.replaceAll('\n', ' ')).toContain(`${addon}.node (${name})`);
  expect(text).toMatch(/^---- The GNU C Library: LGPL 2\.1 or later, in LICENSES\/LGPL-2\.1\.txt ----$/m);
  expect(text).toMatch(/^Copyright \(c\) Meta Platforms, Inc\. and affiliates\./m);
  expect(text).toMatch(/^DISCLAIMED\. IN NO EVENT/m);
});

test('the words of every licence that it refers to are there', () => {
  const files = [...text.matchAll(/LICENSES\/\S+\.txt/g)].map(([file]) => file);
  expect(files.length).toBeGreaterThan(2);
  const words: Readonly<Record<string, RegExp>> = {
    'LICENSES/LGPL-2.1.txt': /GNU LESSER GENERAL PUBLIC LICENSE\s+Version 2\.1, February 1999/,
    'LICENSES/GPL-3.0.txt': /GNU GENERAL PUBLIC LICENSE\s+Version 3, 29 June 2007/,
    'LICENSES/GCC-exception-3.1.txt': /GCC RUNTIME LIBRARY EXCEPTION\s+Version 3\.1, 31 March 2009/,
  };
  for (const file of files)
    expect(readFileSync(join(ROOT, file), 'utf8')).toMatch(words[file] ?? /no such licence/);
});

test('no package is without a licence or a holder', () => {
  expect(text).not.toContain('(unknown)');
  expect(text).not.toMatch(/^\S+: $/m);
});
