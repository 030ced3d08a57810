// The README, held against the code.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configBlock } from '#shared/commands/config-block.ts';
import { sshOptions } from '#shared/commands/ssh-options.ts';
import { README, renderTables } from '../../../deploy/build/pages/readme-tables.ts';
import { ROOT } from '../../../deploy/build/source-tree.ts';

const text = readFileSync(README, 'utf8');

test('the tables are those of the code (node deploy/build/pages/readme-tables.ts writes them)', () => {
  expect(text).toContain('`--authorized-keys FILE\\|URL`');
  expect(text).toContain('| `INTERNAL_PORT` |');
  expect(renderTables(text)).toBe(text);
});

test('a page that has lost the place of a table is refused', () => {
  const lost = text.replace('<!-- relay variables: ', '<!-- relay: ');
  expect(() => renderTables(lost)).toThrow('no place for the relay variables');
});

test('every folder of the map exists, and every folder of a part is on it: correct the row of the part', () => {
  const rows = [...text.matchAll(/^\| `([a-z]+\/(?:[a-z]+\/)?)` \| (.*) \|$/gm)];
  expect(rows.map(([, folder]) => folder)).toEqual([
    'services/shared/',
    'services/relay/',
    'services/agent/',
    'services/clients/',
    'deploy/',
    'test/',
    'docs/',
  ]);
  for (const [, part = '', words = ''] of rows) {
    if (part === 'docs/') continue;
    const named = [...words.matchAll(/`([a-z0-9-]+)\/`/g)].map(([, name]) => name);
    const there = readdirSync(join(ROOT, part), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(new Set(named), part).toEqual(new Set(there.map(({ name }) => name)));
  }
});

test('the block for ~/.ssh/config is the one that wsproxy and the usage page have', () => {
  expect(text).toContain(`\`\`\`\n${configBlock({ relay: 'wss://RELAY', wsproxy: 'wsproxy' })}\n\`\`\`\n`);
});

test('the keepalive values are those that the agent prints for each window', () => {
  const rows = [...text.matchAll(/^\| (\d+)m[^|]*\| (\d+) \| (\d+) \|/gm)];
  expect(rows).toHaveLength(3);
  for (const [, minutes, interval, count] of rows) {
    const options = sshOptions({ isPinned: true, resumeWindowMs: Number(minutes) * 60_000 }).join(' ');
    expect(options).toContain(`ServerAliveInterval=${interval}`);
    expect(options).toContain(`ServerAliveCountMax=${count}`);
  }
});
