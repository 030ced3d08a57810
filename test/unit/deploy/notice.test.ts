// NOTICE, held against what the bundler puts into the programs.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NOTICE, renderNotice } from '../../../deploy/build/pages/notice.ts';

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
  expect(text).toMatch(/^---- Node\.js 24\.\d+\.\d+: /m);
  expect(text).not.toMatch(/^(vitest|playwright-core|testcontainers) /m);
});

test('no package is without a licence or a holder', () => {
  expect(text).not.toContain('(unknown)');
  expect(text).not.toMatch(/^\S+: $/m);
});
